import type { Reader } from "../ports.ts";
import { FEWEST_PEOPLE, SUSPENSION_DAYS, WINDOW_DAYS, type Indicators } from "./indicators.ts";
import type { Participant } from "./participant.ts";

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
