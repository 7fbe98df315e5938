import type { ParticipantId } from "../ids.ts";

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
  deliveries(
    id: ParticipantId,
    end: "source" | "destination",
    window: Window,
  ): Promise<{ ended: number; verified: number; people: number }>;
  events(id: ParticipantId, window: Window): Promise<Indicators["events"]>;
  /** By criterion of this version: of how many accredited participants it is asked, and how many meet it. */
  metBy(charterVersion: string): Promise<Map<string, { asked: number; met: number }>>;
}
