import { RelaisError } from "../../core/errors.ts";

/** RFC 3339 full-date, `2026-10-31`. Dates compare as text. */
export type FullDate = string;

export interface Period {
  from: FullDate;
  /** The last day, included. */
  until: FullDate;
}

const DAY = 86_400_000;
const YEARS_HELD = 3;

/** Days since 1970-01-01. */
export function dayNumber(date: FullDate): number {
  return Date.parse(`${date}T00:00:00Z`) / DAY;
}

export function dateOf(dayNumber: number): FullDate {
  return new Date(dayNumber * DAY).toISOString().slice(0, 10);
}

export function addDays(date: FullDate, days: number): FullDate {
  return dateOf(dayNumber(date) + days);
}

/** The same day some months later; the last day of the month where it has no such day. */
export function addMonths(date: FullDate, months: number): FullDate {
  const [year, month, day] = date.split("-").map(Number) as [number, number, number];
  const lastDay = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return dateOf(Date.UTC(year, month - 1 + months, Math.min(day, lastDay)) / DAY);
}

/** The three years that end with this day. @throws RelaisError `invalid` for what is not a full-date. */
export function periodUntil(until: FullDate): Period {
  const isDate = /^\d{4}-\d\d-\d\d$/.test(until) && !Number.isNaN(Date.parse(until)) && dateOf(dayNumber(until)) === until;
  if (!isDate) throw new RelaisError("invalid", "`until` is not a date. Write it as year-month-day, as in 2026-10-31.");
  return { from: addDays(addMonths(until, -12 * YEARS_HELD), 1), until };
}

/** What is left of a period from the day when an account was opened; may be empty. */
export function since(opened: FullDate, period: Period): Period {
  return { from: opened > period.from ? opened : period.from, until: period.until };
}

export function isWithin(date: FullDate, period: Period): boolean {
  return date >= period.from && date <= period.until;
}

export function daysOf(period: Period): FullDate[] {
  const first = dayNumber(period.from);
  return Array.from({ length: Math.max(0, dayNumber(period.until) - first + 1) }, (_, index) => dateOf(first + index));
}

/** Months of which at least one day is in the period, as `2024-03`. */
export function monthsOf(period: Period): string[] {
  const months: string[] = [];
  for (let first = `${period.from.slice(0, 7)}-01`; first <= period.until; first = addMonths(first, 1)) months.push(first.slice(0, 7));
  return months;
}

export function monthPeriod(month: string): Period {
  return { from: `${month}-01`, until: addDays(addMonths(`${month}-01`, 1), -1) };
}

/** 0 is Sunday. */
export function weekday(date: FullDate): number {
  return (dayNumber(date) + 4) % 7;
}

const FIXED_HOLIDAYS = new Set(["01-01", "05-01", "05-08", "07-14", "08-15", "11-01", "11-11", "12-25"]);
/** Easter Monday, Ascension Day, Whit Monday. */
const DAYS_AFTER_EASTER = [1, 39, 50];

/** Saturdays, Sundays and French public holidays (Code du travail, L3133-1). */
export function isDayOff(date: FullDate): boolean {
  const day = weekday(date);
  if (day === 0 || day === 6 || FIXED_HOLIDAYS.has(date.slice(5))) return true;
  return DAYS_AFTER_EASTER.includes(dayNumber(date) - easter(Number(date.slice(0, 4))));
}

/** Gauss's rule as completed by Meeus, for the Gregorian calendar; a day number. */
function easter(year: number): number {
  const century = Math.floor(year / 100);
  const golden = year % 19;
  const moon = (19 * golden + century - Math.floor(century / 4) - Math.floor((century - Math.floor((century + 8) / 25) + 1) / 3) + 15) % 30;
  const sunday = (32 + 2 * (century % 4) + 2 * Math.floor((year % 100) / 4) - moon - ((year % 100) % 4)) % 7;
  const late = Math.floor((golden + 11 * moon + 22 * sunday) / 451);
  const marchDay = moon + sunday - 7 * late + 22;
  return Date.UTC(year, 2, marchDay) / DAY;
}

/** The offset of legal time in mainland France at noon: summer time from the last Sunday of March to the last of October. */
export function parisOffset(date: FullDate): "+01:00" | "+02:00" {
  const year = date.slice(0, 4);
  return date >= lastSunday(`${year}-03-31`) && date < lastSunday(`${year}-10-31`) ? "+02:00" : "+01:00";
}

function lastSunday(lastOfMonth: FullDate): FullDate {
  return addDays(lastOfMonth, -weekday(lastOfMonth));
}
