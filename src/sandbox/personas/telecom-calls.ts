import { dayNumber, daysOf, isDayOff, parisOffset } from "./calendar.ts";
import type { FullDate, Period } from "./calendar.ts";
import type { Cents } from "./money.ts";
import type { TelecomAccount } from "./people.ts";
import { randomOf } from "./random.ts";
import type { Random } from "./random.ts";

/** One line of the log of calls and messages. */
export interface Call {
  /** `2024-03-01-007`: the day, and its place in the day. */
  id: string;
  date: FullDate;
  /** RFC 3339, in the legal time of mainland France. */
  time: string;
  kind: "call" | "message";
  direction: "outgoing" | "incoming";
  /** The other person's number. Numbers are of the ranges that ARCEP and Ofcom keep for fiction. */
  correspondent: string;
  seconds: number;
  network: "4G" | "5G" | "wifi";
  charge: Cents;
}

export interface Line {
  seed: string;
  persona: string;
  account: TelecomAccount;
}

/** Cents for each minute begun, to a foreign number. */
const ABROAD = 22;

/** The lines of a period, oldest first. A day's lines do not depend on the period. */
export function callsOf(line: Line, period: Period): Call[] {
  const contacts = contactsOf(line);
  return daysOf(period).flatMap((date) => callsOn(line, contacts, date));
}

function contactsOf({ seed, persona }: Line): string[] {
  const random = randomOf(seed, persona, "contacts");
  const digits = (): string => String(random.integer(0, 9999)).padStart(4, "0");
  return Array.from({ length: 28 }, (_, index) => {
    if (index % 14 === 13) return `+44 7700 900${String(random.integer(0, 999)).padStart(3, "0")}`;
    const last = digits();
    return `${index % 4 === 3 ? "01 99 00" : "06 39 98"} ${last.slice(0, 2)} ${last.slice(2)}`;
  });
}

function callsOn(line: Line, contacts: string[], date: FullDate): Call[] {
  const random = randomOf(line.seed, line.persona, "calls", date);
  const times = Array.from({ length: countOn(line, random, date) }, () => random.integer(7 * 3600, 23 * 3600 - 1)).sort((a, b) => a - b);
  return times.map((time, index) => callAt(`${date}-${String(index + 1).padStart(3, "0")}`, date, time, contacts, random));
}

/** From none to twice the usual number; a tenth more on days off. */
function countOn({ account }: Line, random: Random, date: FullDate): number {
  const usual = account.callsADay * (isDayOff(date) ? 1.1 : 1);
  return Math.floor(2 * usual * random.fraction() + random.fraction());
}

function callAt(id: string, date: FullDate, time: number, contacts: string[], random: Random): Call {
  // The square makes the first contacts the closest ones.
  const correspondent = contacts[Math.floor(random.fraction() * random.fraction() * contacts.length)] as string;
  const kind = random.isChance(0.55) ? "message" : "call";
  const direction = random.isChance(0.52) ? "outgoing" : "incoming";
  const seconds = kind === "call" ? 4 + Math.floor(random.fraction() * random.fraction() * random.integer(60, 3000)) : 0;
  const isCharged = kind === "call" && direction === "outgoing" && correspondent.startsWith("+");
  return {
    id,
    date,
    time: `${date}T${clock(time)}${parisOffset(date)}`,
    kind,
    direction,
    correspondent,
    seconds,
    network: random.pick(["4G", "4G", "5G", "wifi"] as const),
    charge: isCharged ? ABROAD * Math.ceil(seconds / 60) : 0,
  };
}

function clock(seconds: number): string {
  return [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map((part) => String(part).padStart(2, "0")).join(":");
}

export interface Viewing {
  id: string;
  date: FullDate;
  time: string;
  title: string;
  kind: "film" | "episode";
  minutes: number;
  charge: Cents;
}

/** Films and series that nobody made. */
const FILMS = [
  "Le Phare de Kerlouan-Bas",
  "Trois cafés pour Odile",
  "La Nuit des éclusiers",
  "Vent d’amont",
  "Le Dernier Bac",
  "L’Herbier de Suzanne",
  "Cap au plus loin",
];
const SERIES = ["Les Halles", "Brigade du marais", "Chez les Pommier", "Altitude zéro"];

export function viewingsOf(line: Line, period: Period): Viewing[] {
  const aWeek = line.account.box?.vodAWeek ?? 0;
  return daysOf(period).flatMap((date) => {
    const random = randomOf(line.seed, line.persona, "vod", date);
    return random.isChance(aWeek / 7) ? [viewingOn(date, random)] : [];
  });
}

function viewingOn(date: FullDate, random: Random): Viewing {
  const isFilm = random.isChance(0.6);
  const time = `${date}T${clock(random.integer(19 * 3600, 22 * 3600))}${parisOffset(date)}`;
  const title = isFilm ? random.pick(FILMS) : `${random.pick(SERIES)}, épisode ${1 + (dayNumber(date) % 24)}`;
  const charge = isFilm ? random.pick([399, 499, 0]) : 0;
  return {
    id: `${date}-001`,
    date,
    time,
    title,
    kind: isFilm ? "film" : "episode",
    minutes: random.integer(18, isFilm ? 128 : 52),
    charge,
  };
}

export function chargesOf(uses: readonly { charge: Cents }[]): Cents {
  return uses.reduce((sum, { charge }) => sum + charge, 0);
}
