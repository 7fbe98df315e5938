import type { Words } from "../catalogue/data-set.ts";
import type { Id, ParticipantId } from "../ids.ts";
import type { AccessState } from "./conditions.ts";

export type MeetingId = Id<"meeting">;

/** A platform that asks a holder to open, and what the holder answered (S-105). Both read it, and those who watch over the register; never the public. */
export interface Meeting {
  id: MeetingId;
  holderId: ParticipantId;
  platformId: ParticipantId;
  message: string;
  askedAt: Date;
  /** Null until the holder answers. */
  answeredAt: Date | null;
  state: AccessState | null;
  reason: Words | null;
}

export interface MeetingsReader {
  get(id: MeetingId): Promise<Meeting>;
  /** Those that wait first, then the newest; of one side, or of both. */
  list(filter: { holderId?: ParticipantId; platformId?: ParticipantId; limit: number }): Promise<Meeting[]>;
}

export interface MeetingsWriter {
  /** One waits at a time for each pair: a second one is `conflict`. */
  ask(meeting: Meeting): Promise<void>;
  /** False where it was answered before. */
  answer(id: MeetingId, answer: { at: Date; state: AccessState; reason: Words | null }): Promise<boolean>;
}
