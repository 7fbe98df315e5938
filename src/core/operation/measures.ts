import type { ParticipantId } from "../ids.ts";
import type { TransferState } from "../transfer/transfer.ts";

/** What ended within this time counts as recent. */
export const RECENT_MINUTES = 15;
/** From so many participants on, none is measured alone: a series for each would cost more than it tells. */
export const MOST_MEASURED = 200;
/** A transfer that failed longer ago than this is history, and no dead letter any more. */
export const DEAD_LETTER_DAYS = 30;

export type Outcome = Extract<TransferState, "verified" | "partial" | "failed" | "cancelled" | "expired">;
/** What is given up, and waits for somebody who looks at it. */
export type DeadLetterKind = "transfer" | "notice" | "mail";

/** What ended lately from or to one participant. */
export interface ParticipantMeasure {
  participant: ParticipantId;
  end: "source" | "destination";
  outcome: Outcome;
  count: number;
  /** From the request to the end, half of them took no longer. */
  medianSeconds: number;
}

/** How the work stands, by the database's clock. Ages are 0 where nothing waits. Nothing of it is about a person. */
export interface Measures {
  /** Of the work that nobody holds, how long the longest is due. Depth says little, this says everything. */
  oldestDueSeconds: number;
  /** Transfers that have not ended. */
  live: { state: TransferState; count: number }[];
  ended: { outcome: Outcome; count: number }[];
  /** Empty from `MOST_MEASURED` participants on. */
  participants: ParticipantMeasure[];
  /** A person stopped a permission, and the participants' events are not written down yet. */
  oldestUntoldWithdrawalSeconds: number;
  /** A consent changed, and its receipt is not signed and in the public log yet. */
  oldestUnanchoredSeconds: number;
  logEntries: number;
  /** How far the newest signed checkpoint reaches. */
  signedLogEntries: number;
  deadLetters: { kind: DeadLetterKind; count: number }[];
  /** Kinds of record (retention.ts): how long ago nothing was left that is past its time, and how much is; counted to 10 000 at the end of a round. */
  retained: { kind: string; doneSeconds: number; left: number }[];
}

export interface MeasuresReader {
  /** One statement, some milliseconds while the queue is short; its cost grows with what has not ended, not with what was ever done. */
  measures(): Promise<Measures>;
}
