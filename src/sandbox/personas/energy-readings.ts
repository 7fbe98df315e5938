import { addDays, dayNumber, daysOf, isDayOff } from "./calendar.ts";
import type { FullDate, Period } from "./calendar.ts";
import type { Home } from "./people.ts";
import { randomOf } from "./random.ts";
import type { Random } from "./random.ts";

/** One day of a meter. */
export interface DayReading {
  date: FullDate;
  /** 48 whole watt-hours, from midnight, in standard time (UTC+01:00) all the year: no day has 46 or 50 of them. */
  halfHours: number[];
  /** Mean outside temperature, in tenths of a degree Celsius. */
  temperature: number;
}

export interface Metered {
  seed: string;
  persona: string;
  home: Home;
}

/** The readings of a period. A day's values do not depend on the period: a later `until` adds days and changes none. */
export function readings(meter: Metered, period: Period): DayReading[] {
  return daysOf(period).map((date) => dayReading(meter, date));
}

/** 22:00 to 06:00. */
export function isOffPeak(halfHour: number): boolean {
  return halfHour < 12 || halfHour >= 44;
}

export function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function dayReading(meter: Metered, date: FullDate): DayReading {
  const temperature = temperatureOn(meter.seed, date);
  const isAway = awayOn(meter, date);
  const random = randomOf(meter.seed, meter.persona, "energy", date);
  const mood = 0.75 + 0.5 * random.fraction();
  const halfHours = Array.from({ length: 48 }, (_, slot) => {
    const used = isAway ? 0 : activity(meter.home, slot, isDayOff(date)) * mood * (0.55 + 0.9 * random.fraction());
    return Math.round(
      standby(meter.home, random) + used + heating(meter.home, temperature, slot, isAway) + hotWater(meter.home, slot, isAway),
    );
  });
  return { date, halfHours, temperature };
}

/** Watt-hours that one person uses in each hour, from midnight. */
const WORKING_DAY = [20, 15, 12, 12, 15, 25, 80, 140, 90, 45, 40, 55, 110, 80, 45, 40, 50, 85, 150, 220, 210, 160, 100, 45];
const DAY_OFF = [30, 20, 15, 12, 12, 15, 30, 70, 120, 140, 135, 160, 210, 170, 110, 95, 95, 110, 160, 215, 200, 165, 115, 60];

function activity(home: Home, slot: number, isOff: boolean): number {
  // A second person adds less than the first: light and oven are shared.
  return (((isOff ? DAY_OFF : WORKING_DAY)[slot >> 1] as number) / 2) * (0.6 + 0.4 * home.occupants);
}

function standby(home: Home, random: Random): number {
  return 18 + home.squareMetres / 4 + 12 * random.fraction();
}

/** Watt-hours in half an hour for each square metre and each degree under 17 °C. */
const HEATING = { electric: 0.28, "heat-pump": 0.13, gas: 0.008 } as const;

function heating(home: Home, temperature: number, slot: number, isAway: boolean): number {
  const wanted = isAway ? 120 : isOffPeak(slot) ? 155 : 170;
  return (Math.max(0, wanted - temperature) / 10) * HEATING[home.heating] * home.squareMetres;
}

/** An electric tank heats from 02:00 to 05:00. */
function hotWater(home: Home, slot: number, isAway: boolean): number {
  return home.waterHeater === "electric" && !isAway && slot >= 4 && slot < 10 ? 150 + 130 * home.occupants : 0;
}

/** Normals in tenths of a degree, for the middle of each month. */
const NORMALS = [52, 60, 91, 118, 156, 190, 214, 212, 179, 140, 90, 60];

const normalOf = (month: number): number => NORMALS[month % 12] as number;

function temperatureOn(seed: string, date: FullDate): number {
  const month = Number(date.slice(5, 7)) - 1;
  const share = (Number(date.slice(8)) - 15) / 30;
  const neighbour = normalOf(month + (share < 0 ? 11 : 1));
  const normal = normalOf(month) + (neighbour - normalOf(month)) * Math.abs(share);
  return Math.round(normal + spell(seed, date) + 30 * randomOf(seed, "weather", date).fraction() - 15);
}

/** Warm and cold spells: one chance for each week, and straight lines between them. */
function spell(seed: string, date: FullDate): number {
  const day = dayNumber(date);
  const week = Math.floor(day / 7);
  const [here, next] = [week, week + 1].map((number) => 90 * randomOf(seed, "weather", `week ${number}`).fraction() - 45) as [
    number,
    number,
  ];
  return here + ((next - here) * (day - week * 7)) / 7;
}

/** Two to three weeks in July or August, and some days at the end of December every second year or so. */
function awayOn(meter: Metered, date: FullDate): boolean {
  const year = date.slice(0, 4);
  const random = randomOf(meter.seed, meter.persona, "holidays", year);
  const summer = addDays(`${year}-07-08`, random.integer(0, 32));
  const summerEnd = addDays(summer, random.integer(13, 20));
  const isAwayAtChristmas = random.isChance(0.5);
  return (date >= summer && date <= summerEnd) || (isAwayAtChristmas && date >= `${year}-12-24` && date <= `${year}-12-28`);
}
