import type { Actor, ErrorCode } from "../errors.ts";
import type { ConsentId, ParticipantId, PersonId, SwitchId, TransferId } from "../ids.ts";
import type { MadeFrom, OmissionReason } from "./manifest.ts";

/** One list everywhere: the database rejects every move that is not in `MOVES`. */
export const STATES = [
  "scheduled",
  "queued",
  "fetching",
  "delivering",
  "delivered",
  "received",
  "verified",
  "paused",
  "partial",
  "failed",
  "cancelled",
  "expired",
] as const;
export type TransferState = (typeof STATES)[number];

/** From each state, the states that may follow. A state with none is terminal and never left. */
export const MOVES = {
  scheduled: ["queued", "paused", "cancelled", "expired", "failed"],
  queued: ["fetching", "paused", "cancelled", "expired", "failed"],
  fetching: ["delivering", "paused", "cancelled", "expired", "failed"],
  // At once to its end in the compact form: one request carries everything, and its answer is the receipt.
  delivering: ["delivered", "verified", "partial", "paused", "cancelled", "expired", "failed"],
  // At once to its end where the receipt came and was compared: the timeline has both lines.
  delivered: ["received", "verified", "partial", "paused", "cancelled", "expired", "failed"],
  received: ["verified", "partial", "failed"],
  paused: ["queued", "cancelled", "expired", "failed"],
  verified: [],
  partial: [],
  failed: [],
  cancelled: [],
  expired: [],
} as const satisfies Record<TransferState, readonly TransferState[]>;

export function isTerminal(state: TransferState): boolean {
  return MOVES[state].length === 0;
}

export function mayMove(from: TransferState, to: TransferState): boolean {
  return (MOVES[from] as readonly TransferState[]).includes(to);
}

/** One delivery from a source to a destination under one consent. */
export interface Transfer {
  id: TransferId;
  consentId: ConsentId;
  personId: PersonId;
  sourceId: ParticipantId;
  destinationId: ParticipantId;
  switchId: SwitchId | null;
  datasets: string[];
  state: TransferState;
  /** Why it is paused, failed or cancelled; null otherwise. */
  reason: ErrorCode | null;
  actor: Actor | null;
  /** Grows with every attempt: a change by an older attempt is refused (fencing). */
  epoch: number;
  attempts: number;
  leaseUntil: Date | null;
  dueAt: Date;
  expiresAt: Date;
  createdAt: Date;
  endedAt: Date | null;
}

/** A live transfer whose time is over, and why. */
export interface Overdue {
  id: TransferId;
  because: Extract<ErrorCode, "consent_ended" | "patience_over">;
}

/** Progress with a denominator that is fixed when the source has been counted, and never shrinks. Copies in another form are beside it, and not counted. */
export interface Progress {
  dataset: string;
  /** Consented and counted at the source. */
  expected: number;
  sent: number;
  stored: number;
  verified: number;
  omitted: number;
  bytes: number;
}

/** One dated line of the timeline. Details hold counts, reasons and ids; never personal data. */
export interface TransferEvent {
  transferId: TransferId;
  sequence: number;
  at: Date;
  kind: TransferEventKind;
  actor: Actor;
  details: Record<string, string | number | boolean>;
}
export type TransferEventKind =
  | "requested"
  /** By an operator, after one that failed. */
  | "replayed"
  | "attempt_started"
  | "source_counted"
  /** Asked for what is new since the last proof, and not for everything. */
  | "changes_listed"
  /** The source does not know any more where the last delivery stood: it lists everything. */
  | "position_unknown"
  /** What the destination did with its copy of what its source deleted. */
  | "deletions_told"
  /** How many items have a copy in another form beside them, and how many have none, and why. */
  | "copies_made"
  | "delivering"
  | "retry_planned"
  | "manifest_signed"
  | "delivered"
  /** All of it waits, sealed, for a platform that fetches. */
  | "deposited"
  | "receipt_received"
  | "proposal_decided"
  | "verified"
  | "partial"
  | "paused"
  | "resumed"
  | "stopped"
  | "failed"
  | "expired";

export type ItemState = "listed" | "sent" | "stored" | "omitted";

export interface TransferItem {
  dataset: string;
  key: string;
  mediaType: string;
  bytes: number | null;
  sha256: string | null;
  state: ItemState;
  reason: OmissionReason | null;
  /** Of a copy in another form; null of what came from the source. */
  madeFrom: MadeFrom | null;
}
