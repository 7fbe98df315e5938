import type { ParticipantId } from "../ids.ts";
import type { Reader } from "../ports.ts";
import type { Participant } from "./participant.ts";

/** Quality of a participant in figures that everybody may see (S-121): small, counted here, and never without the count that they are of. */
export interface Indicators {
  /** Days on which checks were run since it is accredited, and those on which every check passed: looking often changes nothing. */
  looks: { days: number; passed: number };
  suspensions: number;
  /** Deliveries that came to an end, and those that were verified; null where so few people are behind them that one could be seen. */
  deliveries: { ended: number; verified: number } | null;
  /** Events of the register that it was told of. */
  events: { told: number; acknowledged: number; medianSeconds: number | null };
}

/** Days that the figures are about, but for suspensions. */
export const WINDOW_DAYS = 90;
export const SUSPENSION_DAYS = 365;
/** With fewer people, a figure about deliveries could say something about one of them. */
export const FEWEST_PEOPLE = 10;

/** Whole days, so that a single delivery does not show in the moment that it ends. */
export interface Window {
  from: Date;
  until: Date;
  suspendedFrom: Date;
}

export interface IndicatorsReader {
  looks(id: ParticipantId, window: Window): Promise<Indicators["looks"]>;
  suspensions(id: ParticipantId, window: Window): Promise<number>;
  /** What came to it, or left it; without those that a person ended. */
  deliveries(id: ParticipantId, end: "source" | "destination", window: Window): Promise<{ ended: number; verified: number; people: number }>;
  events(id: ParticipantId, window: Window): Promise<Indicators["events"]>;
  /** By criterion of this version: of how many accredited participants it is asked, and how many meet it. */
  metBy(charterVersion: string): Promise<Map<string, { asked: number; met: number }>>;
}

const DAY_MILLISECONDS = 86_400_000;

export async function readIndicators(r: Reader, { id, roles }: Participant, now: Date): Promise<Indicators> {
  const midnight = Math.floor(now.getTime() / DAY_MILLISECONDS) * DAY_MILLISECONDS;
  const before = (days: number): Date => new Date(midnight - days * DAY_MILLISECONDS);
  const window = { from: before(WINDOW_DAYS), until: new Date(midnight), suspendedFrom: before(SUSPENSION_DAYS) };
  const { people, ...deliveries } = await r.indicators.deliveries(id, roles.includes("platform") ? "destination" : "source", window);
  return {
    looks: await r.indicators.looks(id, window),
    suspensions: await r.indicators.suspensions(id, window),
    deliveries: people < FEWEST_PEOPLE ? null : deliveries,
    events: await r.indicators.events(id, window),
  };
}
