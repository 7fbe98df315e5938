/** Nobody is waited for longer because of one answer: whoever asks for more is asked again after this. */
export const LONGEST_RETRY_AFTER_SECONDS = 3600;

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** The three forms of an HTTP date (RFC 9110 §5.6.7): the fixed one, RFC 850's and asctime's. */
const FIXED = /^[A-Z][a-z]{2}, (?<day>\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/;
const RFC_850 = /^[A-Z][a-z]+day, (?<day>\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/;

/**
 * Seconds to wait as a `Retry-After` says it (RFC 9110 §10.2.3: a whole number, or a date), at most an hour; a date that is past is 0. Null where there is
 * none, or what it says is neither: negative numbers, fractions, other texts.
 */
export function retryAfterSeconds(field: string | undefined, now: Date): number | null {
  const said = field?.trim() ?? "";
  if (/^\d+$/.test(said)) return Math.min(Number(said), LONGEST_RETRY_AFTER_SECONDS);
  const at = dateOf(said, now);
  if (at === null) return null;
  return Math.min(Math.max(Math.ceil((at - now.getTime()) / 1000), 0), LONGEST_RETRY_AFTER_SECONDS);
}

function dateOf(said: string, now: Date): number | null {
  const parts = (FIXED.exec(said) ?? RFC_850.exec(said) ?? ASCTIME.exec(said))?.groups;
  if (parts === undefined) return null;
  const month = MONTHS.indexOf(parts["month"] ?? "");
  if (month < 0) return null;
  const [hour = 0, minute = 0, second = 0] = (parts["time"] ?? "").split(":").map(Number);
  return Date.UTC(fullYear(parts["year"] ?? "", now), month, Number(parts["day"]), hour, minute, second);
}

/** Two digits more than 50 years ahead mean the century before (RFC 9110 §5.6.7). */
function fullYear(year: string, now: Date): number {
  if (year.length === 4) return Number(year);
  const present = now.getUTCFullYear();
  const near = present - (present % 100) + Number(year);
  return near > present + 50 ? near - 100 : near;
}
