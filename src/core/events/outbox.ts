import type { ConsentId, Id, ParticipantId } from "../ids.ts";
import type { Participant } from "../register/participant.ts";

/** What participants are told, as a security event (RFC 8417). Nothing personal, ever. */
export const EVENT_TYPES = [
  "accreditation-granted",
  "accreditation-suspended",
  "accreditation-reinstated",
  "accreditation-revoked",
  "accreditation-expired",
  "accreditation-ending",
  "criterion-due",
  "changes-waiting",
  "restriction-set",
  "restriction-lifted",
  "consent-granted",
  "consent-changed",
  "consent-stopped",
  "consent-ended",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];
/** About a participant; the others are about a consent. */
export type RegisterEventType = Exclude<EventType, `consent-${string}`>;
export type ConsentEventType = Extract<EventType, `consent-${string}`>;

export interface NewNotice {
  type: RegisterEventType;
  /** Whom it is about: its entity identifier becomes `sub_id`. */
  about: ParticipantId;
  at: Date;
  /** Members of the event: decision, level, reasons, effects. */
  details: Record<string, unknown>;
}

/** What one participant is told of a change of one consent. */
export interface NewConsentNotice {
  type: ConsentEventType;
  recipientId: ParticipantId;
  consentId: ConsentId;
  /** The recipient's own name of the person (pairwise): it becomes `sub_id`. */
  subject: string;
  at: Date;
  details: Record<string, unknown>;
  /** One of very many: it does not keep what somebody waits for. */
  isBulk: boolean;
}

/** One notice on its way to one participant. */
export interface Notice {
  /** Also the `jti` of the event: sent again, it is the same one. */
  id: Id<"event">;
  recipientId: ParticipantId;
  /** Null where it is about a consent. */
  aboutId: ParticipantId | null;
  consentId: ConsentId | null;
  subject: string | null;
  type: EventType;
  details: Record<string, unknown>;
  /** Each recipient hears what is in one lane in the order of `sequence`. */
  lane: number;
  sequence: number;
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
  /** Entity identifier; null where it is about a consent. */
  about: string | null;
}

/** What a participant was told of a consent, and whether it acknowledged. */
export interface ToldOfConsent {
  recipientId: ParticipantId;
  type: ConsentEventType;
  details: Record<string, unknown>;
  createdAt: Date;
  acknowledgedAt: Date | null;
  givenUpAt: Date | null;
}

export interface OutboxReader {
  /** How many notices nobody acknowledged yet. */
  waiting(): Promise<number>;
  /** What was told about a participant, newest first, and to whom. */
  about(id: ParticipantId, limit: number): Promise<(Notice & { type: RegisterEventType; recipientName: string })[]>;
  /** In the order in which it was told. */
  ofConsent(id: ConsentId): Promise<ToldOfConsent[]>;
  /** What a participant has not acknowledged yet, oldest first (for those that poll). */
  pending(recipientId: ParticipantId, limit: number): Promise<DueNotice[]>;
}

/** Notices to one recipient that wait for each other: `laneOf`. */
export type Lane = `${ParticipantId}/${number}`;

export function laneOf({ recipientId, lane }: Pick<Notice, "recipientId" | "lane">): Lane {
  return `${recipientId}/${lane}`;
}

/** Written in the transaction of the change that is told: a change is never silent, and nothing is told that did not happen. */
export interface OutboxWriter {
  /** One notice for each recipient. */
  tell(notice: NewNotice, recipients: readonly ParticipantId[]): Promise<void>;
  /** Those of the recipients that can hear: who has an address for events, or keys to poll with. The others get none. */
  tellOfConsents(notices: readonly NewConsentNotice[]): Promise<void>;
  /**
   * The first notice in each lane of each recipient that has an endpoint, but for the lanes in `except`; nobody else gets these until the lease is
   * over. With `lane`, the first one there alone.
   */
  claimDue(claim: { limit: number; leaseSeconds: number; except: readonly Lane[]; only?: Lane }): Promise<DueNotice[]>;
  /** Only the recipient's own; returns how many were not acknowledged before. */
  acknowledge(recipientId: ParticipantId, ids: readonly string[], at: Date): Promise<number>;
  fail(id: Notice["id"], failure: { at: Date; reason: string; dueAt: Date; giveUp: boolean }): Promise<void>;
  /** A notice that was given up is due again. False where it was not. */
  retry(id: Notice["id"], at: Date): Promise<boolean>;
}
