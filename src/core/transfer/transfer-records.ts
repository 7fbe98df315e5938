import type { Actor, ErrorCode } from "../errors.ts";
import type { ConsentId, DocumentId, ParticipantId, PersonId, TransferId } from "../ids.ts";
import type { OmissionReason } from "./manifest.ts";
import type { Overdue, Progress, Transfer, TransferEvent, TransferItem, TransferState } from "./transfer.ts";

/** A signed document that the person can download: manifest, receipt, consent receipt. Never changed once written. */
export interface StoredDocument {
  id: DocumentId;
  transferId: TransferId;
  kind: "manifest" | "receipt";
  jws: string;
  createdAt: Date;
}

/** One ring of the doorbell: what to look at, and the epoch that was present. Nothing personal. */
export interface Ring {
  transferId: TransferId;
  epoch: number;
}

/** What a change of a transfer is allowed to touch. */
export interface TransferChange {
  state?: TransferState;
  reason?: ErrorCode | null;
  actor?: Actor | null;
  dueAt?: Date;
  /** Due so long from now, by the clock that `due` and leases go by: that of whoever asks may be wrong. */
  dueInSeconds?: number;
  expiresAt?: Date;
  /** True gives the lease back. */
  release?: boolean;
}

export interface NewEvent {
  kind: TransferEvent["kind"];
  actor: Actor;
  details?: TransferEvent["details"];
}

/** Deliveries, what they moved, and what proves it. */
export interface TransfersReader {
  get(id: TransferId): Promise<Transfer>;
  /** Newest first. */
  list(personId: PersonId): Promise<Transfer[]>;
  events(id: TransferId): Promise<TransferEvent[]>;
  progress(id: TransferId): Promise<Progress[]>;
  /** Items in one state, by data set and key; `after` continues behind an item name. */
  items(
    id: TransferId,
    options: { state?: TransferItem["state"]; limit: number; after?: { dataset: string; key: string } },
  ): Promise<TransferItem[]>;
  documents(id: TransferId): Promise<StoredDocument[]>;
  /** Work that is due and that nobody holds: waiting, or left by an attempt whose lease ran out (by the database's clock). */
  due(limit: number): Promise<Pick<Transfer, "id" | "epoch" | "state">[]>;
  /** Transfers that wait for this, by id; `after` continues behind an id. */
  paused(filter: { reason: ErrorCode; after?: TransferId | undefined; limit: number }): Promise<Transfer[]>;
  /**
   * Live transfers whose time is over, but for what an organisation has received and decides on: with their permission, or because the ends were tried
   * for long enough. Whatever is paused, has its attempt, or only waits for its turn is none of the latter.
   */
  overdue(limit: number): Promise<Overdue[]>;
}

/** Attempts write through `AttemptRecords`; what else changes a transfer is here. */
export interface DeliveriesWriter {
  /** Whoever else accepts deliveries under this consent waits here until this transaction is over: two never find that none is under way. */
  acceptAlone(id: ConsentId): Promise<void>;
  add(transfer: Transfer, priority: number): Promise<void>;
  /** The last delivery under this consent that arrived; `againAt`: half a period after it was asked for, null where the recurrence is no duration. */
  lastArrival(id: ConsentId): Promise<{ againAt: Date | null } | null>;
  /**
   * Remembers the answer to an idempotency key. Returns the transfer that the key already stands for, or null.
   * @throws RelaisError `idempotency_mismatch` where the key came with another request before.
   */
  claimKey(key: { caller: string; key: string; fingerprint: string; transferId: TransferId }): Promise<TransferId | null>;
  /** False where `epoch` is past: the caller lost its lease and must stop. */
  renew(id: TransferId, epoch: number, leaseSeconds: number): Promise<boolean>;
  /** A change by an attempt: false, and nothing changed, where `epoch` is past. @throws `conflict` for a move not in `MOVES`. */
  change(id: TransferId, epoch: number, change: TransferChange): Promise<boolean>;
  /**
   * Counts an attempt that came to nothing, and returns how many failed in a row: what moved since the last one begins the row anew. Where it only
   * `waited` nothing is counted, and the patience begins anew.
   */
  tried(id: TransferId, epoch: number, outcome: "failed" | "waited"): Promise<number>;
  /** A change from outside an attempt (withdrawal, suspension, cancellation): takes the transfer away from whoever holds it. */
  interrupt(id: TransferId, change: TransferChange): Promise<void>;
  addEvent(id: TransferId, at: Date, event: NewEvent): Promise<void>;
  /**
   * Records what was stored or omitted. False where `epoch` is past, but for the attempt from which a cancelled or expired transfer was taken:
   * what it had moved by then is a fact, and the person is told.
   */
  markItems(
    id: TransferId,
    epoch: number,
    marks: { dataset: string; key: string; state: TransferItem["state"]; reason?: OmissionReason; bytes?: number; sha256?: string }[],
  ): Promise<boolean>;
  /** One document of each kind per transfer: a second one is `conflict`, the same one again is nothing. */
  addDocument(document: StoredDocument): Promise<void>;
  /**
   * Takes transfers that may still move data to this participant (and, with `asSource`, from it) away from their attempts, those that run
   * first: `paused` may go on later, `cancelled` may not. At most `limit`; fewer say that nothing is left. Returns how many.
   */
  stopSome(stop: {
    participantId: ParticipantId;
    asSource: boolean;
    state: "paused" | "cancelled";
    actor: Actor;
    at: Date;
    limit: number;
  }): Promise<number>;
  /** The same for transfers to or from this participant whose consent has ended. */
  stopEnded(stop: { participantId: ParticipantId; actor: Actor; at: Date; limit: number }): Promise<number>;
  /** Lets transfers go on that were paused for a missing accreditation, where both ends may take part again. At most `limit`. */
  resumeSome(resume: { participantId: ParticipantId; at: Date; limit: number }): Promise<Ring[]>;
  /** Live transfers under a consent, locked until the transaction ends. */
  live(filter: { consentId?: ConsentId; participantId?: ParticipantId }): Promise<Transfer[]>;
}
