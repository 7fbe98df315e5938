import type { Id, ParticipantId } from "../ids.ts";
import type { Participant } from "../register/participant.ts";

/** What participants are told, as a security event (RFC 8417). Nothing personal, ever. */
export type EventType =
  | "accreditation-granted"
  | "accreditation-suspended"
  | "accreditation-reinstated"
  | "accreditation-revoked"
  | "accreditation-expired"
  | "restriction-set"
  | "restriction-lifted";

export interface NewNotice {
  type: EventType;
  /** Whom it is about: its entity identifier becomes `sub_id`. */
  about: ParticipantId;
  at: Date;
  /** Members of the event: decision, level, reasons, effects. */
  details: Record<string, unknown>;
}

/** One notice on its way to one participant. */
export interface Notice {
  /** Also the `jti` of the event: sent again, it is the same one. */
  id: Id<"event">;
  recipientId: ParticipantId;
  aboutId: ParticipantId;
  type: EventType;
  details: Record<string, unknown>;
  createdAt: Date;
  dueAt: Date;
  attempts: number;
  acknowledgedAt: Date | null;
  /** After this nobody tries any more, unless it is sent again by hand. */
  givenUpAt: Date | null;
  /** Why the last try failed, in our words. */
  lastFailure: string | null;
}

/** A notice that is to be sent now, with whom it goes to and whom it is about. */
export interface DueNotice {
  notice: Notice;
  recipient: Participant;
  /** Entity identifier. */
  about: string;
}

export interface OutboxReader {
  /** How many notices nobody acknowledged yet. */
  waiting(): Promise<number>;
  /** What was told about a participant, newest first, and to whom. */
  about(id: ParticipantId, limit: number): Promise<(Notice & { recipientName: string })[]>;
  /** What a participant has not acknowledged yet, oldest first (for those that poll). */
  pending(recipientId: ParticipantId, limit: number): Promise<DueNotice[]>;
}

/** Written in the transaction of the change that is told: a change is never silent, and nothing is told that did not happen. */
export interface OutboxWriter {
  /** One notice for each recipient. */
  tell(notice: NewNotice, recipients: readonly ParticipantId[]): Promise<void>;
  /** At most one notice for each recipient that has an endpoint and is not among `except`; nobody else gets these until the lease is over. */
  claimDue(claim: { limit: number; leaseSeconds: number; except: readonly ParticipantId[] }): Promise<DueNotice[]>;
  /** Only the recipient's own; returns how many were not acknowledged before. */
  acknowledge(recipientId: ParticipantId, ids: readonly string[], at: Date): Promise<number>;
  fail(id: Notice["id"], failure: { at: Date; reason: string; dueAt: Date; giveUp: boolean }): Promise<void>;
  /** A notice that was given up is due again. False where it was not. */
  retry(id: Notice["id"], at: Date): Promise<boolean>;
}
