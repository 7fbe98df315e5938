import type { Words } from "../catalogue/data-set.ts";
import type { Id, ParticipantId } from "../ids.ts";
import type { Certificate } from "./certificates.ts";

/** One data set of the holder, or all of them. */
export type Scope = string;
export const EVERY_DATASET = "*";

/**
 * What a holder asks of every platform, for one data set or for all (S-122 to S-125). What is said of one data set stands instead of what is
 * said of all. It opens a class of platforms, not a single one (S-104).
 */
export interface Condition {
  holderId: ParticipantId;
  dataset: Scope;
  minimumLevel: 0 | 1 | 2;
  /** ISO 3166 countries of hosting, `EU` or `EEA`; empty: everywhere. */
  regions: string[];
  /** All of them are wanted. */
  certificates: Certificate[];
  /** Why it asks for more than the register does; null where it does not. */
  reason: Words | null;
  changedAt: Date;
  /** Its place in the public log. */
  logIndex: number;
}

/** A platform that a holder sends nothing of this scope to, with the reason that everybody may read. */
export interface Exclusion {
  holderId: ParticipantId;
  platformId: ParticipantId;
  dataset: Scope;
  reason: Words;
  changedAt: Date;
  logIndex: number;
}

/** How far a holder has opened to a platform. `test`: for the accounts that the holder named, and no others. */
export const ACCESS_STATES = ["closed", "in_discussion", "test", "open"] as const;
export type AccessState = (typeof ACCESS_STATES)[number];

/** One cell of the matrix holder × platform. Without one, an accredited platform is `open`. */
export interface Access {
  holderId: ParticipantId;
  platformId: ParticipantId;
  state: AccessState;
  /** Null only where it is open. */
  reason: Words | null;
  /** `testAccountHash` of each account at the holder that may be used for tests. */
  testAccounts: string[];
  changedAt: Date;
  logIndex: number;
}

export type ReviewId = Id<"review">;
export const REVIEW_DECISIONS = ["accepted", "accepted_with_conditions", "postponed", "refused"] as const;

/** What a holder's own committee found about a platform (S-125). For the holder, the accreditor and the authority; never public. */
export interface HolderReview {
  id: ReviewId;
  holderId: ParticipantId;
  platformId: ParticipantId;
  /** Full-date on which the committee met. */
  date: string;
  questions: string[];
  decision: (typeof REVIEW_DECISIONS)[number];
  /** What the committee asks for before or after opening. */
  conditions: string[];
  /** The committee or office that decided, not a person. */
  by: string;
  recordedAt: Date;
}

/** A certificate that a platform showed, and that a review of the register accepted. */
export interface ShownCertificate {
  platformId: ParticipantId;
  certificate: Certificate;
  /** Last day on which it is valid (full-date). */
  validUntil: string;
  /** Who issued it, as the platform said and the accreditors read. */
  issuer: string;
  acceptedAt: Date;
  /** Its place in the public log; null for what was put in by hand. */
  logIndex: number | null;
}

/** Everything that one holder says. */
export interface Said {
  conditions: Condition[];
  exclusions: Exclusion[];
  access: Access[];
}

/** One holder's word against one platform, as those see it who watch over the register. */
export interface Restriction {
  holderId: ParticipantId;
  platformId: ParticipantId;
  kind: "excluded" | Exclude<AccessState, "open">;
  /** The data set of an exclusion, or all of them. */
  dataset: Scope;
  reason: Words;
  changedAt: Date;
  logIndex: number;
}

export interface RestrictionFilter {
  platformId?: ParticipantId;
  holderId?: ParticipantId;
  /** Those that stand before this place in the log. */
  before?: number;
  limit: number;
}

/** What one holder says of one platform, in one read. */
export interface Stance {
  conditions: Pick<Condition, "dataset" | "minimumLevel" | "regions" | "certificates">[];
  /** Data sets for which the platform is excluded. */
  excluded: Scope[];
  access: Pick<Access, "state" | "testAccounts"> | null;
  /** Certificates of the platform that are valid on this day. */
  certificates: string[];
}

export interface ConditionsReader {
  /** One query: it is read before every movement of data. */
  stance(holderId: ParticipantId, platformId: ParticipantId, now: Date): Promise<Stance>;
  /** Everything that this holder asks for and restricts; public, but for reviews and test accounts. */
  of(holderId: ParticipantId): Promise<Said>;
  /** Every exclusion, and every cell of the matrix that is not open: for accreditor and authority. Newest first. */
  restrictions(filter: RestrictionFilter): Promise<Restriction[]>;
  /** Newest first; of all platforms, or of one. */
  reviews(holderId: ParticipantId, platformId?: ParticipantId): Promise<HolderReview[]>;
  /** What each of these platforms showed and is valid on this day. */
  certificatesOf(platformIds: readonly ParticipantId[], now: Date): Promise<ShownCertificate[]>;
}

export interface ConditionsWriter {
  /** Replaces what the holder said for this scope. */
  set(condition: Condition): Promise<void>;
  /** Takes back what the holder said for this scope; false where it had said nothing. */
  unset(holderId: ParticipantId, dataset: Scope): Promise<boolean>;
  exclude(exclusion: Exclusion): Promise<void>;
  /** False where there was none. */
  lift(exclusion: Pick<Exclusion, "holderId" | "platformId" | "dataset">): Promise<boolean>;
  setAccess(access: Access): Promise<void>;
  addReview(review: HolderReview): Promise<void>;
  /** One row per platform and certificate: showing it again replaces. */
  putCertificate(shown: ShownCertificate): Promise<void>;
  /** What a platform showed counts no more. */
  dropCertificates(platformId: ParticipantId): Promise<void>;
  /** Locks this holder's conditions until the transaction ends: two changes follow each other. */
  lock(holderId: ParticipantId): Promise<void>;
}
