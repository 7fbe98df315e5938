import { RelaisError } from "../errors.ts";
import type { ParticipantId } from "../ids.ts";

/** Times of the day at which transfers may start, on the clocks of a time zone. `to` before `from` goes over midnight; both the same is the whole day. */
export interface Hours {
  /** IANA name, such as `Europe/Paris`. */
  timeZone: string;
  /** `HH:MM`. */
  from: string;
  to: string;
  /** ISO days of the week on which a span begins: 1 is Monday. */
  days: number[];
}

/** What a participant takes, in its own terms (S-083), counted in attempts at transfers from it and to it together. Null: it does not say. */
export interface Capacity {
  perSecond: number | null;
  perHour: number | null;
  concurrent: number | null;
  hours: Hours | null;
}

/** Who said it: the participant itself, or whoever runs this Relais. */
export type SetBy = "participant" | "operator";

export interface StatedCapacity extends Capacity {
  participantId: ParticipantId;
  setBy: SetBy;
  changedAt: Date;
}

export const UNSTATED: Capacity = { perSecond: null, perHour: null, concurrent: null, hours: null };

const CLOCK = /^([01]\d|2[0-3]):[0-5]\d$/;
const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/** Making one takes longer than a thousand uses of it. */
const clocks = new Map<string, Intl.DateTimeFormat>();

/** @throws RelaisError `invalid`, with the pointer of the member. */
export function checkedCapacity(wanted: Capacity): Capacity {
  const { perSecond, perHour, concurrent, hours } = wanted;
  const counts = { per_second: perSecond, per_hour: perHour, concurrent };
  for (const [name, count] of Object.entries(counts)) {
    if (count !== null && !(Number.isInteger(count) && count >= 1 && count <= 1_000_000))
      throw new RelaisError("invalid", "Give a whole number from 1 to 1 000 000, or null for no limit.", { pointers: [`/${name}`] });
  }
  return hours === null ? wanted : { ...wanted, hours: checkedHours(hours) };
}

function checkedHours(hours: Hours): Hours {
  const { timeZone, from, to, days } = hours;
  if (!CLOCK.test(from) || !CLOCK.test(to)) throw new RelaisError("invalid", "Give times of the day as HH:MM.", { pointers: ["/hours"] });
  if (days.length === 0 || !days.every((day) => Number.isInteger(day) && day >= 1 && day <= 7))
    throw new RelaisError("invalid", "Name at least one day of the week: 1 is Monday, 7 is Sunday.", { pointers: ["/hours/days"] });
  return { timeZone: knownZone(timeZone), from, to, days: [...new Set(days)].sort((a, b) => a - b) };
}

/** As the list spells it: a clock is kept for each spelling that is stored. */
function knownZone(timeZone: string): string {
  try {
    return new Intl.DateTimeFormat("en-GB", { timeZone }).resolvedOptions().timeZone;
  } catch (cause) {
    throw new RelaisError("invalid", "Name a time zone of the IANA list, such as Europe/Paris.", { pointers: ["/hours/time_zone"], cause });
  }
}

export function isOpenAt(hours: Hours | null, now: Date): boolean {
  if (hours === null) return true;
  const { day, time } = localTime(hours.timeZone, now);
  const begins = (on: number): boolean => hours.days.includes(on);
  if (hours.from < hours.to) return begins(day) && time >= hours.from && time < hours.to;
  if (hours.from === hours.to) return begins(day);
  return (begins(day) && time >= hours.from) || (begins(day === 1 ? 7 : day - 1) && time < hours.to);
}

function localTime(timeZone: string, now: Date): { day: number; time: string } {
  const parts = Object.fromEntries(
    clockOf(timeZone)
      .formatToParts(now)
      .map(({ type, value }) => [type, value]),
  );
  return { day: WEEKDAYS.indexOf(parts["weekday"] ?? "") + 1, time: `${parts["hour"]}:${parts["minute"]}` };
}

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone);
  if (known) return known;
  const made = new Intl.DateTimeFormat("en-GB", { timeZone, weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  clocks.set(timeZone, made);
  return made;
}
