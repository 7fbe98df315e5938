import type { Assurance } from "../person/assurance.ts";

/** The three kinds of data of the charter, and what is derived from them, in the order in which they are shown: what says most about a life comes last. */
export const KINDS = ["administrative", "transactional", "trace", "derived"] as const;
export type DataKind = (typeof KINDS)[number];

/** A text in the languages that people read. A text missing in a language is never replaced by another language. */
export interface Words {
  fr: string;
  en: string;
}
export type Language = keyof Words;
export const LANGUAGES = ["fr", "en"] as const satisfies readonly Language[];

/** What a holder can give back, in plain words. */
export interface DataSet {
  /** Dotted lower-case name, unique at its holder: `energy.consumption.daily`. */
  id: string;
  kind: DataKind;
  title: Words;
  description: Words;
  /** One line as the person will find it in the data. */
  example: Words;
  mediaTypes: string[];
  /** How often new data appears at the holder (ISO 8601 duration). */
  updateFrequency: string;
  /** How sure it must be at the holder who asks for it (`low` where absent): the level at which the person's account there was proved (S-070). */
  assurance?: Assurance;
  /** Its holder takes proposals of corrections for it. */
  acceptsProposals?: true;
}

const DATASET_ID = /^[a-z][a-z0-9-]{0,40}(\.[a-z][a-z0-9-]{0,40}){0,5}$/;

export function isDataSetId(value: unknown): value is string {
  return typeof value === "string" && DATASET_ID.test(value);
}
