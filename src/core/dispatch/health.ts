import type { ParticipantId } from "../ids.ts";

/** What the workers of all processes saw of a participant. The circuit breaker is made of it. */
export interface Health {
  participantId: ParticipantId;
  /** Attempts in a row in which the participant itself failed: no answer, cut off, an error of its own. */
  failures: number;
  /** How often the breaker opened without a success in between. */
  trips: number;
  openedUntil: Date | null;
  /** It asked for a pause (`Retry-After`). */
  restingUntil: Date | null;
  /** Its latest answer of any kind. */
  answeredAt: Date | null;
}

/** `success`: an attempt was over without any failure of the participant. */
export type HealthNote =
  | { kind: "answered" | "success" | "failure"; participantId: ParticipantId }
  | { kind: "rest"; participantId: ParticipantId; seconds: number };

/** So many failed attempts in a row open the breaker. */
const FAILURES = 5;
const SHORTEST_SECONDS = 10;
const LONGEST_SECONDS = 600;
/** A participant that asks for more than this may mean one account; the transfer that was told waits for as long as it was told. */
export const LONGEST_REST_SECONDS = 60;
/** Who answered within this time takes the worker's slots; others are given a few, until they answer. */
const PROVEN_MILLISECONDS = 10_000;

export function unknownHealth(participantId: ParticipantId): Health {
  return { participantId, failures: 0, trips: 0, openedUntil: null, restingUntil: null, answeredAt: null };
}

export type Breaker = "closed" | "open" | "half_open";

export function breakerOf({ failures, openedUntil }: Health, now: Date): Breaker {
  if (failures < FAILURES || openedUntil === null) return "closed";
  return openedUntil > now ? "open" : "half_open";
}

export function isResting({ restingUntil }: Health, now: Date): boolean {
  return restingUntil !== null && restingUntil > now;
}

export function isProven({ answeredAt }: Health, now: Date): boolean {
  return answeredAt !== null && now.getTime() - answeredAt.getTime() < PROVEN_MILLISECONDS;
}

/** What is known after this. `chance` is a number from 0 to 1: breakers that opened together do not close together. */
export function afterNote(health: Health, note: HealthNote, { now, chance }: { now: Date; chance: number }): Health {
  switch (note.kind) {
    case "answered":
      return { ...health, answeredAt: now };
    case "success":
      return { ...health, failures: 0, trips: 0, openedUntil: null, answeredAt: now };
    case "rest":
      return { ...health, restingUntil: later(health.restingUntil, inSeconds(now, Math.min(note.seconds, LONGEST_REST_SECONDS))) };
    case "failure":
      return afterFailure({ ...health, failures: health.failures + 1 }, now, chance);
  }
}

/** Attempts that were under way when the breaker opened fail after it: they open it no further. */
function afterFailure(health: Health, now: Date, chance: number): Health {
  const isOpen = health.openedUntil !== null && health.openedUntil > now;
  if (health.failures < FAILURES || isOpen) return health;
  const seconds = Math.min(SHORTEST_SECONDS * 2 ** Math.min(health.trips, 10), LONGEST_SECONDS);
  return { ...health, trips: health.trips + 1, openedUntil: inSeconds(now, seconds * (0.5 + chance / 2)) };
}

const inSeconds = (now: Date, seconds: number): Date => new Date(now.getTime() + seconds * 1000);
const later = (one: Date | null, other: Date): Date => (one !== null && one > other ? one : other);
