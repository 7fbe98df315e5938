import type { Words } from "../catalogue/data-set.ts";
import type { Id, ParticipantId } from "../ids.ts";
import type { Certificate } from "../policy/certificates.ts";

export type ClaimId = Id<"certificate">;

/** A certificate that a platform handed in between two applications. It counts for nothing until two accreditors accepted it. */
export interface CertificateClaim {
  id: ClaimId;
  platformId: ParticipantId;
  certificate: Certificate;
  issuer: string;
  /** Full-date of the certificate itself. */
  date: string;
  /** Its last day (full-date). */
  validUntil: string;
  /** As the platform called the file; shown as text only. */
  fileName: string;
  mediaType: string;
  bytes: number;
  sha256: string;
  state: "handed_in" | "accepted" | "refused" | "taken_back";
  handedInAt: Date;
  decidedAt: Date | null;
}

/** What one accreditor found, having declared that there is no conflict of interest. */
export interface Reading {
  claimId: ClaimId;
  reader: string;
  verdict: "accept" | "refuse";
  reasons: Words;
  at: Date;
}

export interface CertificatesReader {
  get(id: ClaimId): Promise<CertificateClaim>;
  file(id: ClaimId): Promise<Uint8Array>;
  /** Newest first. */
  listOf(platformId: ParticipantId, limit: number): Promise<CertificateClaim[]>;
  /** What waits for accreditors, the longest first. */
  waiting(limit: number): Promise<CertificateClaim[]>;
  readings(id: ClaimId): Promise<Reading[]>;
}

export interface CertificatesWriter {
  /** One of a kind waits at a time: a second one is `conflict`. */
  add(claim: CertificateClaim, content: Uint8Array): Promise<void>;
  /** The row, locked until the transaction ends. */
  lock(id: ClaimId): Promise<CertificateClaim>;
  /** One per accreditor: a second one is `conflict`. */
  addReading(reading: Reading): Promise<void>;
  decide(id: ClaimId, state: Exclude<CertificateClaim["state"], "handed_in">, at: Date): Promise<void>;
}
