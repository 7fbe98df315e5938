import type { ParticipantId, PersonId, TransferId } from "../ids.ts";
import { EVERY_DATASET } from "../policy/conditions.ts";
import { isOpenAt, type Capacity, type SetBy } from "./capacity.ts";
import { breakerOf, isProven, isResting, type Health } from "./health.ts";

/** Nothing of this data set (`*`: of any) starts from or to the participant. */
export interface Pause {
  participantId: ParticipantId;
  dataset: string;
  by: SetBy;
  /** For the participant and the operator; never public. */
  reason: string;
  since: Date;
}

/** What was rung for and is not over; and what started within the last second, where an end of it says how many it takes in one. */
export interface Flight {
  transferId: TransferId;
  epoch: number;
  sourceId: ParticipantId;
  destinationId: ParticipantId;
  personId: PersonId;
  rungAt: Date;
  /** Null: rung, and not seen to have started. */
  startedAt: Date | null;
  isOver: boolean;
}

/** What is known of a participant when turns are given. */
export interface Terms {
  participantId: ParticipantId;
  capacity: Capacity;
  health: Health;
  pauses: Pause[];
  /** Attempts that began within the last hour, where it states how many it takes. */
  startsInHour: number;
}

/** Why nothing (more) starts from or to a participant now. */
export type Hold = "paused" | "outside_hours" | "breaker" | "probing" | "resting" | "per_second" | "per_hour" | "concurrent" | "share";

export interface Gate {
  participantId: ParticipantId;
  /** How many may be rung for now. */
  room: number;
  /** Rung or running, from and to it. */
  load: number;
  /** What bounds the room where there is none. */
  hold: Hold | null;
  /** Data sets of which nothing starts from or to it. */
  paused: string[];
}

/**
 * How many transfers from and to this participant may be rung for now. What is rung and has not started counts as if it started this moment: so no rate
 * is ever exceeded, however late a worker answers.
 */
export function gateOf(terms: Terms, flights: readonly Flight[], { now, slots }: { now: Date; slots: number }): Gate {
  const own = flights.filter(({ sourceId, destinationId }) => sourceId === terms.participantId || destinationId === terms.participantId);
  const load = own.filter(({ isOver }) => !isOver).length;
  const waiting = own.filter(({ startedAt, isOver }) => startedAt === null && !isOver).length;
  const inSecond = own.filter(({ startedAt }) => startedAt !== null && now.getTime() - startedAt.getTime() < 1000).length;
  const { capacity, health } = terms;
  const left = (most: number | null, used: number): number => (most === null ? Number.POSITIVE_INFINITY : most - used);
  const breaker = breakerOf(health, now);
  // oxfmt-ignore
  const bounds: [hold: Hold, room: number][] = [
    ["paused", terms.pauses.some(({ dataset }) => dataset === EVERY_DATASET) ? 0 : Number.POSITIVE_INFINITY],
    ["outside_hours", isOpenAt(capacity.hours, now) ? Number.POSITIVE_INFINITY : 0],
    ["breaker", breaker === "open" ? 0 : Number.POSITIVE_INFINITY],
    ["probing", breaker === "half_open" ? 1 - load : Number.POSITIVE_INFINITY],
    ["resting", isResting(health, now) ? 0 : Number.POSITIVE_INFINITY],
    ["per_second", left(capacity.perSecond, inSecond + waiting)],
    ["per_hour", left(capacity.perHour, terms.startsInHour + waiting)],
    ["concurrent", left(capacity.concurrent, load)],
    ["share", left(shareOf(slots, isProven(health, now)), load)],
  ];
  const [hold, room] = bounds.reduce((least, bound) => (bound[1] < least[1] ? bound : least));
  return {
    participantId: terms.participantId,
    room: Math.max(0, room),
    load,
    hold: room <= 0 ? hold : null,
    paused: terms.pauses.map(({ dataset }) => dataset),
  };
}

/** A participant never has all slots: one that hangs leaves some to the others. Who has not answered lately has fewer. */
function shareOf(slots: number, isProven: boolean): number {
  return isProven ? Math.max(1, Math.ceil((slots * 3) / 4)) : Math.max(2, Math.floor(slots / 4));
}

/** Holds that call back what was rung for and has not started. The others are about numbers, and what was rung for is within them. */
export const CALLING_BACK: readonly Hold[] = ["paused", "outside_hours", "breaker"];
