import type { OrganisationId } from "./application.ts";

/** What the register knows of an organisation that takes part; `pioneer` needs a delivery to be as young as `DELIVERY_MONTHS`. */
export interface ParticipationFacts {
  joined: true;
  charter_signed: boolean;
  data_described: boolean;
  /** People's data, not those of invented people, given back and verified where they arrived. */
  data_given_back: boolean;
}

export type ParticipationNeed = keyof ParticipationFacts;
export const DELIVERY_MONTHS = 12;

/**
 * How far an organisation takes part in giving data back (S-025: Explorateur, Engagé, Pionnier). Each level needs what the ones before it need.
 * It is shown, and gives no right: what may happen is for `STANDING` and the trust marks to say.
 */
// oxfmt-ignore
export const PARTICIPATION = {
  explorer: ["joined"],
  engaged:  ["joined", "charter_signed", "data_described"],
  pioneer:  ["joined", "charter_signed", "data_described", "data_given_back"],
} as const satisfies Record<string, readonly ParticipationNeed[]>;

export type ParticipationLevel = keyof typeof PARTICIPATION;
const LEVELS = Object.keys(PARTICIPATION) as ParticipationLevel[];

export interface ParticipationRow {
  organisationId: OrganisationId;
  level: ParticipationLevel;
  since: Date;
}

/** Where an organisation stands, since when, and what the next level needs. */
export interface Participation {
  level: ParticipationLevel;
  since: Date;
  /** Oldest first. */
  history: Pick<ParticipationRow, "level" | "since">[];
  /** Null at the highest level. */
  next: { level: ParticipationLevel; needs: ParticipationNeed[] } | null;
}

export interface ParticipationsReader {
  /** Facts of all organisations, or of one, with the level that was written down last. */
  facts(asked: {
    now: Date;
    organisationId?: OrganisationId;
  }): Promise<{ organisationId: OrganisationId; facts: ParticipationFacts; level: ParticipationLevel | null }[]>;
  /** Oldest first. */
  history(organisationId: OrganisationId): Promise<ParticipationRow[]>;
}

export interface ParticipationsWriter {
  /** Nothing where this level was written down last: two processes write one line. */
  put(row: ParticipationRow): Promise<void>;
}

export function levelOf(facts: ParticipationFacts): ParticipationLevel {
  return LEVELS.findLast((level) => PARTICIPATION[level].every((need) => facts[need])) ?? "explorer";
}

/** Null for an organisation that is not known. */
export async function readParticipation(
  r: { participations: ParticipationsReader },
  organisationId: OrganisationId,
  now: Date,
): Promise<Participation | null> {
  const [known] = await r.participations.facts({ now, organisationId });
  if (known === undefined) return null;
  const history = (await r.participations.history(organisationId)).map(({ level, since }) => ({ level, since }));
  const last = history.at(-1) ?? { level: levelOf(known.facts), since: now };
  return { ...last, history, next: nextOf(last.level, known.facts) };
}

function nextOf(level: ParticipationLevel, facts: ParticipationFacts): Participation["next"] {
  const next = LEVELS[LEVELS.indexOf(level) + 1];
  return next === undefined ? null : { level: next, needs: PARTICIPATION[next].filter((need) => !facts[need]) };
}
