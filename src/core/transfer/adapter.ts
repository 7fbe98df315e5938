import type { Participant } from "../register/participant.ts";
import type { CompactForm } from "./compact-form.ts";
import type { MadeFrom, Manifest, Omission, ReceiptItem } from "./manifest.ts";

/** Bytes that flow. Nothing holds a whole item. */
export type Bytes = AsyncIterable<Uint8Array>;

export interface OutboundRequest {
  method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE" | "MKCOL" | "MOVE" | "PROPFIND";
  url: string;
  headers?: Record<string, string>;
  /** Sent as it is, chunk by chunk; a text is sent whole. */
  body?: Bytes | Uint8Array | string;
  /** Most bytes of an answer that `text()` reads; more is `peer_protocol`. Default 1 MiB. */
  limit?: number;
}

export interface OutboundResponse {
  status: number;
  /** Lower-case names; several fields of one name are joined by a comma. */
  headers: Record<string, string>;
  /** The body as a stream. Read it, call `text()`, or `drop()` it: an answer left alone holds its connection. */
  body: Bytes;
  text(): Promise<string>;
  drop(): Promise<void>;
}

/**
 * The only way out of an adapter. Refuses other origins than those of the participant, private addresses and redirects
 * (a redirect comes back as its 3xx status); ends at its deadlines and when the opening's signal aborts.
 * @throws RelaisError `peer_unavailable` (no answer, cut off, too slow), `forbidden` (address not allowed), `stopped`.
 */
export type Fetch = (request: OutboundRequest) => Promise<OutboundResponse>;

/** What opens an account at a participant that issues its own keys to the person. Sealed at rest; only the worker opens it. */
export type Credentials =
  | { kind: "none" }
  | { kind: "basic"; user: string; password: string }
  | { kind: "dpop-client"; issuer: string; clientId: string; clientSecret: string };

/** Where what is for a platform without an address waits, sealed to it, until the platform fetches it (`core/mailbox`). */
export interface Mailbox {
  /** For one attempt: nothing that it puts is listed once another one took over, or all of it was offered. */
  open(attempt: { platform: Participant; epoch: number }, head: Draft["manifest"]): MailboxDelivery;
}

/** One transfer in the mailbox. Each call may be repeated. */
export interface MailboxDelivery extends Pick<Destination, "announce" | "put"> {
  /** Offers what is there, once. The platform's receipt where it gave one, else until when it may. */
  complete(): Promise<{ receipt: string } | { until: Date }>;
}

/** Everything that one transfer lends to an adapter, for as long as it is open. */
export interface Opening {
  participant: Participant;
  /** The participant's own name of the person's account: a customer number, a pod root, a folder. */
  account: string;
  credentials: Credentials;
  fetch: Fetch;
  /** For `stop()` alone: a few seconds of the way out after the signal has aborted. */
  farewell: Fetch;
  /** Aborts on withdrawal, suspension, lost lease and shutdown. */
  signal: AbortSignal;
  clock: { now(): Date; sleep(milliseconds: number, signal: AbortSignal): Promise<void> };
  /** Headers of a request that carries the person's consent token (RFC 9449). `nonce` answers `use_dpop_nonce`; `renew` asks for a fresh token. */
  consentHeaders(request: { method: string; url: string; nonce?: string | undefined; renew?: boolean }): Promise<Record<string, string>>;
  /** Headers of a request signed by the broker (RFC 9421), over method, target, content digest and type, idempotency key. */
  signedHeaders(request: { method: string; url: string; headers: Record<string, string> }): Promise<Record<string, string>>;
  /** Lent to platforms without an address alone. */
  mailbox?: ((head: Draft["manifest"]) => MailboxDelivery) | undefined;
  /** A DPoP proof by a key that lives as long as this opening (for token endpoints that are not ours). */
  dpopProof(request: { method: string; url: string; nonce?: string | undefined; accessToken?: string | undefined }): Promise<string>;
}

export interface DatasetCount {
  dataset: string;
  /** Null where the source cannot tell before it lists. */
  items: number | null;
  bytes: number | null;
}

/** One item as a source lists it. */
export interface SourceItem {
  dataset: string;
  key: string;
  mediaType: string;
  /** Null where the source does not say beforehand. */
  bytes: number | null;
  /** base64url SHA-256 over the bytes; null where the source does not say beforehand. */
  sha256: string | null;
  /** The bytes, where the listing already carried them. */
  content: Uint8Array | null;
  /** Of a copy that Relais makes (`converted-copies.ts`): no source lists one. */
  madeFrom?: MadeFrom;
}

export interface SourcePage {
  items: SourceItem[];
  /** Listed by the source, and cannot be delivered: told to the person, never dropped. */
  omissions: Omission[];
  next: string | null;
  /** What changes from now on can be asked for from here; left out where the source names no place. */
  position?: string | null;
}

/** From where a source is asked for what is new: a place that it named, or a time (RFC 3339). */
export interface Position {
  kind: "position" | "since";
  value: string;
}

export interface ChangesPage extends SourcePage {
  /** Keys under which there is nothing any more. */
  gone: string[];
}

/** An open account to read from. */
export interface Source extends AsyncDisposable {
  /**
   * Counts of what the person has here: of these data sets, or of all that may be read. Doubles as the proof that the account can be read. What it
   * leaves out it did not count.
   */
  inventory(datasets?: readonly string[]): Promise<DatasetCount[]>;
  /** One page, in an order that stays the same. @throws RelaisError `not_found` for an unknown data set. */
  list(dataset: string, cursor: string | null): Promise<SourcePage>;
  /** The same of what is new, changed or gone since then; null where the source does not know that place any more. Left out where it tells no changes. */
  changes?(dataset: string, from: Position, cursor: string | null): Promise<ChangesPage | null>;
  /** The bytes of one item. Called again, it starts again from the first byte. */
  read(item: SourceItem): Promise<Bytes>;
  /** Asks the participant to delete what it holds for this person in these data sets, and nothing else. A second call finds nothing and succeeds. */
  erase(datasets: readonly string[]): Promise<void>;
}

export interface Draft {
  manifest: Omit<Manifest, "items" | "omissions" | "iat" | "iss">;
  datasets: DatasetCount[];
  /** When the broker gives this transfer up. */
  expiresAt: Date;
}

export interface ItemToStore {
  dataset: string;
  key: string;
  mediaType: string;
  /** Null only for a destination that takes unknown lengths (`needsDigest` false). */
  bytes: number | null;
  sha256: string | null;
}

/** The destination's own signed receipt, what was read back where it cannot sign, or none yet: it comes later, until this time. */
export type Proof = { kind: "signed"; jws: string } | { kind: "observed"; items: ReceiptItem[] } | { kind: "waiting"; until: Date };

/** An open account to deliver to. */
export interface Destination extends AsyncDisposable {
  /**
   * Announces the transfer, or finds it again. Returns what the destination already holds of it, by `itemName`,
   * so that a resume sends only the rest. @throws RelaisError `too_large` with what fits.
   */
  announce(draft: Draft): Promise<Map<string, string>>;
  /**
   * Stores one item under its final name, whole or not at all. Idempotent: the same item again changes nothing.
   * @throws RelaisError `digest_mismatch`, `too_large`, `unsupported`, `peer_refused`, `peer_unavailable`.
   */
  put(item: ItemToStore, body: Bytes | Uint8Array): Promise<void>;
  /** Hands over the signed manifest and returns the proof of what is stored. Called again, it returns the same proof. */
  complete(manifest: Manifest, jws: string): Promise<Proof>;
  /**
   * Announcement, items and manifest in one request, with the proof for an answer: only where the participant takes the compact form. Without
   * `announce`. Called again with the same, it returns the same proof. @throws RelaisError as `announce`, `put` and `complete` do.
   */
  handOver?(manifest: Manifest, form: CompactForm): Promise<Exclude<Proof, { kind: "waiting" }>>;
  /** Tells the destination that no more comes. Best effort; what it holds stays its own. */
  stop(): Promise<void>;
}

export interface Adapter {
  name: Participant["adapter"];
  /** The destination wants each item's digest and length before its bytes. */
  needsDigest: boolean;
  /** Items in flight at once that such a participant takes well. */
  concurrency: number;
  openSource(opening: Opening): Promise<Source>;
  openDestination(opening: Opening, draft: Draft["manifest"]): Promise<Destination>;
}

/** The name of an item within its transfer. A data set id has no slash, so this is unambiguous. */
export function itemName(item: { dataset: string; key: string }): string {
  return `${item.dataset}/${item.key}`;
}
