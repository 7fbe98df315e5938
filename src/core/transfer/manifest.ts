import { createHash } from "node:crypto";
import type { ConsentId, TransferId } from "../ids.ts";

/**
 * Why an item is not at the destination. Each reason has an actor and a sentence in both languages
 * (`pages/messages`), so that a person knows who can mend it.
 */
export const OMISSION_REASONS = [
  "not_available",
  "refused_by_source",
  "refused_by_destination",
  "unsafe_name",
  "too_large",
  "unsupported",
  "changed",
  "lost",
  "stopped",
  // Of what waited for a platform that fetches.
  "not_fetched",
  "fetched_in_part",
  // Of what was proposed to an organisation.
  "not_plausible",
  "proof_needed",
  "not_changeable",
  "out_of_date",
] as const;
export type OmissionReason = (typeof OMISSION_REASONS)[number];

/** One thing that was sent: `dataset` and `key` name it within its transfer; digests are over bytes. */
export interface ManifestItem {
  dataset: string;
  key: string;
  media_type: string;
  bytes: number;
  /** SHA-256, base64url without padding. */
  "sha-256": string;
  /** Of a copy in another form that Relais made for the person; absent of what came from the source. */
  made_from?: MadeFrom;
}

/** What a copy was made from, so that anybody can make it again: an item of the same data set, by its digest, and the conversion. */
export interface MadeFrom {
  key: string;
  "sha-256": string;
  /** Names the conversion and its version (`core/conversion`). */
  by: string;
}

export interface Omission {
  dataset: string;
  key: string;
  reason: OmissionReason;
  made_from?: MadeFrom;
}

/** Payload of `self-data-manifest+jwt`: what is sent, signed by the broker before the destination completes. */
export interface Manifest {
  iss: string;
  iat: number;
  transfer: TransferId;
  consent: ConsentId;
  /** Entity identifiers. */
  source: string;
  destination: string;
  /** The destination's own identifier of the person: nobody else can read a person from it. */
  subject: string;
  /** The items are proposed, and the destination decides on each; absent where they are to be stored. */
  action?: "propose";
  items: ManifestItem[];
  omissions: Omission[];
  /** What the source says is no more, of what was brought before under this consent; absent where there is nothing of the kind. */
  deletions?: Deletion[];
}

/** The member of an item or an omission that is about a copy. */
export function made(from: MadeFrom | null | undefined): Pick<ManifestItem, "made_from"> {
  return from ? { made_from: from } : {};
}

/** How many items of a data set are accounted for; copies are beside them. */
export function originalsIn({ items, omissions }: Pick<Manifest, "items" | "omissions">, dataset: string): number {
  return [...items, ...omissions].filter((one) => one.dataset === dataset && one.made_from === undefined).length;
}

export interface Deletion {
  dataset: string;
  key: string;
}

/** What the destination did with its copy. */
export interface ToldDeletion extends Deletion {
  outcome: "removed" | "kept";
}

export interface ReceiptItem {
  dataset: string;
  key: string;
  bytes: number;
  "sha-256": string;
  /** Of what was proposed alone: taken over, or kept beside the old value until somebody decides. */
  outcome?: "accepted" | "waiting" | undefined;
}

/** Payload of `self-data-receipt+jwt`: what is stored, signed by the destination, or observed and signed by the broker. */
export interface Receipt {
  iss: string;
  iat: number;
  transfer: TransferId;
  consent: ConsentId;
  source: string;
  destination: string;
  /** SHA-256 of the manifest's compact JWS, base64url. */
  manifest: string;
  /** True where the destination cannot sign: the broker read everything back and signs what it saw. */
  observed: boolean;
  items: ReceiptItem[];
  omissions: Omission[];
  /** Of the manifest's deletions; one that is not named was kept. */
  deletions?: ToldDeletion[] | undefined;
}

export const MANIFEST_TYPE = "self-data-manifest+jwt";
export const RECEIPT_TYPE = "self-data-receipt+jwt";

/** SHA-256 as base64url: the one form of a digest in documents and in the store. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("base64url");
}

/** `Content-Digest` (RFC 9530) of a base64url SHA-256. */
export function contentDigest(digest: string): string {
  return `sha-256=:${Buffer.from(digest, "base64url").toString("base64")}:`;
}

/** The base64url SHA-256 in a `Content-Digest` or `Repr-Digest` field; null where there is none. */
export function readContentDigest(field: string | null | undefined): string | null {
  const found = /(?:^|[,\s])sha-256=:([A-Za-z0-9+/]{43}=):/.exec(field ?? "");
  return found ? Buffer.from(found[1] as string, "base64").toString("base64url") : null;
}

/** The payload of a document that was verified or signed here before. */
export function payloadOf(jws: string): unknown {
  return JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString("utf8"));
}
