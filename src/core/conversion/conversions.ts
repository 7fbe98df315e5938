import { cutAt, MAX_KEY_BYTES } from "../transfer/item-key.ts";
import { sha256 } from "../transfer/manifest.ts";
import { jsonToCsv } from "./json-to-csv.ts";

/** Common forms that a person may want beside the original (Regulation (EU) 2022/868, art. 12(d)). */
export const FORMS = ["csv"] as const;
export type Form = (typeof FORMS)[number];

export interface Conversion {
  /** Says how to repeat it: another result for the same bytes is another version. */
  id: string;
  form: Form;
  /** Media type of what it reads, without parameters. */
  from: string;
  /** Of what it makes. */
  mediaType: string;
  /** Pure. Null for what has no such form. */
  convert(original: Uint8Array): Uint8Array | null;
}

/** The first of a form and a media type is the one that is made; one of an older version may follow it, for whoever repeats it. */
export const CONVERSIONS: readonly Conversion[] = [
  { id: "json-to-csv/1", form: "csv", from: "application/json", mediaType: "text/csv; charset=utf-8; header=present", convert: jsonToCsv },
];

/** A larger original moves as it is, and nothing is made of it: it is held in memory. */
export const LARGEST_ORIGINAL = 1024 * 1024;

export function findConversion(id: string): Conversion | null {
  return CONVERSIONS.find((one) => one.id === id) ?? null;
}

export function conversionFrom(mediaType: string, form: Form): Conversion | null {
  const type = mediaType.split(";")[0]?.trim().toLowerCase();
  return CONVERSIONS.find((one) => one.form === form && one.from === type) ?? null;
}

/** Forms that something of these media types can have. */
export function formsFrom(mediaTypes: readonly string[]): Form[] {
  return FORMS.filter((form) => mediaTypes.some((type) => conversionFrom(type, form) !== null));
}

export function isForm(text: string): text is Form {
  return (FORMS as readonly string[]).includes(text);
}

const MARK = ".relais.";

/** The name of the copy of an item: always the same, whatever version made it, so that a new copy replaces the one before. */
export function copyKey(key: string, form: Form): string {
  const ending = `${MARK}${form}`;
  if (Buffer.byteLength(key + ending) <= MAX_KEY_BYTES) return key + ending;
  const mark = `~${sha256(key).slice(0, 12)}${ending}`;
  return cutAt(key, MAX_KEY_BYTES - mark.length) + mark;
}

/** Names that copies alone have, where a person wants copies: a holder's own item cannot be mistaken for one, nor replaced by one. */
export function isCopyKey(key: string): boolean {
  return FORMS.some((form) => key.endsWith(`${MARK}${form}`));
}
