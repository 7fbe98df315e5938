import { IntlMessageFormat } from "intl-messageformat";
import { LANGUAGES, type Language } from "../core/catalogue/data-set.ts";
import { en } from "./messages/en.ts";
import { fr } from "./messages/fr.ts";

/** Every text of the portal has a key; English is the list of keys, and French must have each of them (checked by the type). */
export type MessageKey = keyof typeof en;
export type MessageValues = Record<string, string | number>;
export const MESSAGES: Record<Language, Record<MessageKey, string>> = { fr, en };

/** A language as the pages speak it: its messages, and its way to write dates, numbers and sizes. */
export interface Tongue {
  lang: Language;
  t(key: MessageKey, values?: MessageValues): string;
  /** `25 novembre 2026` */
  date(at: Date): string;
  /** `25 novembre 2026 à 14 h 05`, the time of Paris. */
  moment(at: Date): string;
  number(value: number): string;
  /** `1 234,5 Mo`, decimal units. */
  bytes(value: number): string;
  /** `France` for `FR`. */
  country(code: string): string;
}

const LOCALES = { fr: "fr-FR", en: "en-GB" } as const satisfies Record<Language, string>;
const UNITS = { fr: ["o", "ko", "Mo", "Go", "To"], en: ["B", "kB", "MB", "GB", "TB"] } as const satisfies Record<
  Language,
  readonly string[]
>;
const ZONE = "Europe/Paris";

export const TONGUES: Record<Language, Tongue> = { fr: tongueOf("fr"), en: tongueOf("en") };

function tongueOf(lang: Language): Tongue {
  const locale = LOCALES[lang];
  const compiled = new Map<MessageKey, IntlMessageFormat>();
  const day = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeZone: ZONE });
  const number = new Intl.NumberFormat(locale);
  // Made once: each takes longer to make than a page takes to write.
  const regions = new Intl.DisplayNames(locale, { type: "region", fallback: "code" });
  return {
    lang,
    t: (key, values = {}) => String(formatOf(compiled, lang, key).format(values)).trimEnd(),
    date: (at) => dayOf(lang, day, at),
    moment: (at) => momentOf(lang, day, at),
    number: (value) => number.format(value),
    bytes: (value) => bytesOf(lang, value),
    country: (code) => regions.of(code) ?? code,
  };
}

function formatOf(compiled: Map<MessageKey, IntlMessageFormat>, lang: Language, key: MessageKey): IntlMessageFormat {
  const known = compiled.get(key);
  if (known) return known;
  // Tags are off: a message is a text, and the templates escape it.
  const made = new IntlMessageFormat(spaced(lang, MESSAGES[lang][key]), LOCALES[lang], undefined, { ignoreTag: true });
  compiled.set(key, made);
  return made;
}

/** French punctuation: a narrow no-break space before `? ! ;`, a no-break space before `:` and inside guillemets. */
export function spaced(lang: Language, text: string): string {
  if (lang !== "fr") return text;
  return text
    .replace(/ ([?!;])/g, "\u202f$1")
    .replace(/ :/g, "\u00a0:")
    .replace(/« /g, "«\u00a0")
    .replace(/ »/g, "\u00a0»");
}

/** The first of a month is an ordinal in French, which Intl does not write: `1er février 2026`. */
function dayOf(lang: Language, day: Intl.DateTimeFormat, at: Date): string {
  return lang === "fr" ? day.format(at).replace(/^1 /, "1er ") : day.format(at);
}

const TIME_OF_DAY = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: ZONE });

function momentOf(lang: Language, day: Intl.DateTimeFormat, at: Date): string {
  const [hour, minute] = TIME_OF_DAY.format(at).split(":");
  return lang === "fr" ? `${dayOf(lang, day, at)} à ${Number(hour)}\u00a0h\u00a0${minute}` : `${dayOf(lang, day, at)} at ${hour}:${minute}`;
}

function bytesOf(lang: Language, value: number): string {
  const power = value < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(value) / 3));
  const amount = new Intl.NumberFormat(LOCALES[lang], { maximumFractionDigits: power === 0 ? 0 : 1 }).format(value / 1000 ** power);
  return `${amount}\u202f${UNITS[lang][power]}`;
}

/** The language that the browser asks for most, French where it asks for neither (RFC 9110 §12.5.4). */
export function languageOf(acceptLanguage: string | undefined): Language {
  const wishes = (acceptLanguage ?? "")
    .split(",")
    .map((part) => part.trim().split(/\s*;\s*q=/))
    .map(([tag, weight]) => ({ lang: (tag ?? "").slice(0, 2).toLowerCase(), weight: weight === undefined ? 1 : Number(weight) }))
    .filter((wish) => wish.weight > 0)
    .sort((a, b) => b.weight - a.weight);
  return wishes.map((wish) => LANGUAGES.find((lang) => lang === wish.lang)).find((lang) => lang !== undefined) ?? "fr";
}

/** The language of a page's address; of the browser where the address has none. */
export function languageOfPath(path: string, acceptLanguage: string | undefined): Language {
  return LANGUAGES.find((lang) => path === `/${lang}` || path.startsWith(`/${lang}/`)) ?? languageOf(acceptLanguage);
}
