import type { EventType } from "../events/outbox.ts";
import type { Id, ParticipantId } from "../ids.ts";
import type { ApplicationId } from "./application.ts";

/** How many days before (an end, a due date) or after (something waits) each reminder is due, and whom it is for. */
// oxfmt-ignore
export const REMINDERS = {
  ends_in_60_days: { days: 60, audience: "participant", event: "accreditation-ending" },
  ends_in_30_days: { days: 30, audience: "participant", event: "accreditation-ending" },
  ends_in_7_days:  { days: 7,  audience: "participant", event: "accreditation-ending" },
  criterion_due:   { days: 7,  audience: "participant", event: "criterion-due" },
  changes_waiting: { days: 14, audience: "participant", event: "changes-waiting" },
  /** Days are the operator's: `RELAIS_REVIEW_DAYS`. */
  review_waiting:  { days: 0,  audience: "accreditor",  event: null },
} as const satisfies Record<string, { days: number; audience: "participant" | "accreditor"; event: EventType | null }>;

export type ReminderKind = keyof typeof REMINDERS;

/** Something that somebody should be reminded of, once. */
export interface Occasion {
  participantId: ParticipantId;
  applicationId: ApplicationId;
  kind: ReminderKind;
  /** The criterion, where it is about one; empty otherwise. */
  subject: string;
  /** When something ends or is due; since when something waits. */
  occasionAt: Date;
}

/** That it was done. Whoever tells people by other ways (mail) goes by these rows. */
export interface Reminder extends Occasion {
  id: Id<"reminder">;
  createdAt: Date;
}

export interface RemindersReader {
  /** Occasions that came and that nobody was reminded of yet, the earliest first. Of several ends of one accreditation the nearest one. */
  occasions(terms: { now: Date; reviewDays: number; limit: number }): Promise<Occasion[]>;
  /** What still holds of what this participant was reminded of, newest first. */
  of(participantId: ParticipantId): Promise<Reminder[]>;
  /** Applications that accreditors were reminded of, and that still wait for them. */
  waitingForReview(): Promise<ApplicationId[]>;
}

export interface RemindersWriter {
  /** True for exactly one caller, for ever. */
  add(reminder: Reminder): Promise<boolean>;
}
