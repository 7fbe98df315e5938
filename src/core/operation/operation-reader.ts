import type { Actor, ErrorCode } from "../errors.ts";
import type { Id, ParticipantId, TransferId } from "../ids.ts";
import type { DeadLetterKind, MeasuresReader } from "./measures.ts";

/** Where a transfer that has not ended stands, in the order in which it goes. `later`: it waits for its time, or for its next try. */
export const STAGES = ["later", "due", "fetching", "delivering", "delivered", "received", "paused"] as const;
export type Stage = (typeof STAGES)[number];

/** Upper ends of the steps of age since the request, in seconds; the last step has none. */
export const AGE_STEPS = [60, 600, 3_600, 21_600, 86_400] as const;

export interface StageCount {
  stage: Stage;
  /** Index of the step of age: 0 is younger than the first end. */
  step: number;
  count: number;
}

/** What one person or organisation can mend at once: the same problem, at the same participant. */
export interface DeadGroup {
  kind: Exclude<DeadLetterKind, "mail">;
  /** `unacknowledged` for notices: a participant does not answer what it was told. */
  problem: ErrorCode | "unacknowledged";
  actor: Actor | null;
  /** Where it is to be mended; null where it is no participant. */
  participantId: ParticipantId | null;
  count: number;
  oldestAt: Date;
  newestAt: Date;
}

export type DeadGroupKey = Pick<DeadGroup, "kind" | "problem" | "participantId">;

export interface DeadLetter {
  id: TransferId | Id<"event">;
  at: Date;
}

export interface OperationReader extends MeasuresReader {
  /** Everything that has not ended, by stage and age. */
  stages(): Promise<StageCount[]>;
  /** The largest first. */
  deadGroups(limit: number): Promise<DeadGroup[]>;
  /** Those of one group, the oldest first. */
  deadLetters(group: DeadGroupKey, limit: number): Promise<DeadLetter[]>;
}
