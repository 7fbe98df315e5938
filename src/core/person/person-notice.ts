import type { ParticipantId, PersonId } from "../ids.ts";
import type { DecisionId } from "../register/application.ts";

/** What happened to a participant that people have to know of. */
export type AnnouncementKind = "suspended" | "revoked" | "expired" | "left" | "returned";

/** That people are to be told of a decision; written in its transaction. */
export interface Announcement {
  decisionId: DecisionId;
  participantId: ParticipantId;
  kind: AnnouncementKind;
  at: Date;
}

/** What one person was told, until they say that they read it. It changes no right. */
export interface PersonNotice extends Announcement {
  personId: PersonId;
  readAt: Date | null;
}

export interface PersonNoticesReader {
  /** What this person has not read, newest first: of each participant what was said last, because that is what holds. */
  unread(personId: PersonId): Promise<PersonNotice[]>;
  /** How many decisions wait to be told to people. */
  waiting(): Promise<number>;
}

export interface PersonNoticesWriter {
  /** `isSettled`: nothing follows for transfers that the decision itself did not do. */
  announce(announcement: Announcement & { isSettled: boolean }): Promise<void>;
  /** The oldest decision whose transfers are not all stopped, or going on, for one caller at a time; null where there is none. */
  nextUnsettled(): Promise<Pick<Announcement, "decisionId" | "participantId"> | null>;
  settle(decisionId: DecisionId, at: Date): Promise<void>;
  /**
   * Tells the oldest decision that waits to everybody who had a live permission or transfer from or to the participant at that moment, in one
   * statement; each of them once. Null where nothing waits, or another process is at it.
   */
  tellNext(at: Date): Promise<{ told: number } | null>;
  /** Also what was said of this participant before. False where this person was not told of the decision: then nothing changes. */
  markRead(personId: PersonId, decisionId: DecisionId, at: Date): Promise<boolean>;
}
