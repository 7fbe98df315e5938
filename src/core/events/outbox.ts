import type { ParticipantId } from "../ids.ts";

/** What participants are told, as a security event (RFC 8417). Nothing personal, ever. */
export type EventType =
  | "accreditation-granted"
  | "accreditation-suspended"
  | "accreditation-reinstated"
  | "accreditation-revoked"
  | "accreditation-expired";

export interface NewNotice {
  type: EventType;
  /** Whom it is about: its entity identifier becomes `sub_id`. */
  about: ParticipantId;
  at: Date;
  /** Members of the event: decision, level, reasons, effects. */
  details: Record<string, unknown>;
}

export interface OutboxReader {
  /** How many notices nobody acknowledged yet. */
  waiting(): Promise<number>;
}

/** Written in the transaction of the change that is told: a change is never silent, and nothing is told that did not happen. */
export interface OutboxWriter {
  /** One notice for each recipient. */
  tell(notice: NewNotice, recipients: readonly ParticipantId[]): Promise<void>;
}
