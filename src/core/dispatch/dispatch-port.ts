import type { ParticipantId, PersonId, TransferId } from "../ids.ts";
import type { SetBy, StatedCapacity } from "./capacity.ts";
import type { Flight, Pause, Terms } from "./gate.ts";
import type { Health } from "./health.ts";
import type { Candidate } from "./take-turns.ts";

/** What was rung for: a `Ring` of the queue. */
export interface Rung {
  transferId: TransferId;
  epoch: number;
}

/** Due work of one urgency between two participants. */
export interface Lane {
  sourceId: ParticipantId;
  destinationId: ParticipantId;
  priority: number;
}

/** A lane to look into: the `most` that have been due longest, but for what these people have, and for what is of these data sets. */
export interface LaneLook extends Lane {
  most: number;
  except: PersonId[];
  paused: string[];
}

export interface Picture {
  /** The database's clock. */
  now: Date;
  /** How many transfers all workers that were seen lately carry at once. */
  slots: number;
  /** Every lane in which something has not ended, due or not. */
  lanes: Lane[];
  flights: Flight[];
  /** Of every participant at an end of these. */
  terms: Terms[];
}

export interface DispatchReader {
  capacity(participantId: ParticipantId): Promise<StatedCapacity | null>;
  /** Of one participant, or of all; the longest first. */
  pauses(participantId?: ParticipantId): Promise<Pause[]>;
  /** Something is due, or under way. */
  isBusy(): Promise<boolean>;
  /** The database's clock. */
  present(): Promise<{ now: Date }>;
  /** What is under way, what may be due, and what each participant takes, as it is at one moment; `also`: of these participants the terms too. */
  picture(also?: readonly ParticipantId[]): Promise<Picture>;
}

export interface DispatchWriter {
  /** One at a time gives turns, over all processes, until its transaction ends; whoever falls silent while it does loses its connection. */
  alone(): Promise<void>;
  /** Takes notice of attempts that began and that ended, takes what is paused from its attempts, and sees what there is then. */
  look(): Promise<Picture>;
  /** What is due there. */
  candidates(looks: readonly LaneLook[], now: Date): Promise<Candidate[]>;
  /** Writes down what is rung for. Rows that somebody else holds at this moment are left out. */
  take(chosen: readonly Candidate[], now: Date): Promise<Rung[]>;
  /** Calls back what was rung for from or to these and has not started: its job finds nothing to do. Returns how many. */
  callBack(participantIds: readonly ParticipantId[]): Promise<number>;
  /** What was rung for so long ago and has not started; from now on it was rung for now. */
  ringAgain(now: Date, seconds: number): Promise<Rung[]>;
  setCapacity(capacity: StatedCapacity): Promise<void>;
  /** Replaces the reason where it was paused by the same. */
  pause(pause: Pause): Promise<void>;
  /** False where it was not paused by them. */
  resume(pause: { participantId: ParticipantId; dataset: string; by: SetBy }): Promise<boolean>;
  /** Locked until the transaction ends. */
  health(participantId: ParticipantId): Promise<{ health: Health; now: Date }>;
  putHealth(health: Health): Promise<void>;
  /** This worker is there, and carries so many at once. */
  seen(worker: { id: string; slots: number }): Promise<void>;
  gone(workerId: string): Promise<void>;
}
