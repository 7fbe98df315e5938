import { canonicalJson } from "../canonical-json.ts";
import type { Language } from "../catalogue/data-set.ts";
import { sha256 } from "../transfer/manifest.ts";
import type { Notice } from "./consent.ts";

/** What the person reads beside the facts, in the order in which an editor sees it; and the names that a section has to say. */
export const SECTIONS = {
  whoAsks: [],
  whatFor: [],
  atStake: ["destination"],
  ifRefuse: ["source"],
  howToStop: ["destination"],
  rights: [],
  mandate: ["source", "destination", "expires"],
  consent: ["destination", "purpose"],
  mandateErase: ["source", "expires"],
} as const satisfies Record<string, readonly Place[]>;
export type Section = keyof typeof SECTIONS;
export const SECTION_NAMES = Object.keys(SECTIONS) as Section[];
export type Sections = Record<Section, string>;

/** Where a text names what is different in each request: `{source}`. */
export const PLACES = ["source", "destination", "purpose", "expires"] as const;
export type Place = (typeof PLACES)[number];

export const LONGEST_SECTION = 800;

/** The published wording of a notice in one language. Never changed: another wording is another version. */
export interface NoticeText {
  version: number;
  language: Language;
  sections: Sections;
  hash: string;
  publishedAt: Date;
  /** Name of the office that published it; `Relais` for the one that came with the software. */
  publishedBy: string;
  /** Its entry in the public log; null for one that came with the software, until the first start. */
  logIndex: number | null;
}

export interface NoticeTextsReader {
  /** The newest version, in each language that it has. */
  current(): Promise<NoticeText[]>;
  find(version: number, language: Language): Promise<NoticeText | null>;
  /** Newest first. */
  list(): Promise<NoticeText[]>;
}

export interface NoticeTextsWriter {
  /** @throws RelaisError `conflict` where the version exists in this language. */
  add(text: Omit<NoticeText, "logIndex">): Promise<void>;
  /** True for exactly one caller, for ever: it appends the entry of this text. */
  claimEntry(text: Pick<NoticeText, "version" | "language">): Promise<boolean>;
  setEntry(text: Pick<NoticeText, "version" | "language">, logIndex: number): Promise<void>;
}

/** Names a text by what it says: SHA-256 over canonical JSON (RFC 8785), base64url. */
export function textHash({ version, language, sections }: Pick<NoticeText, "version" | "language" | "sections">): string {
  return sha256(canonicalJson({ version, language, sections }));
}

/** What a notice says of the texts beside it. */
export function textsOf(current: NoticeText[]): NonNullable<Notice["texts"]> {
  return Object.fromEntries(
    current.map(({ language, version, hash, logIndex }) => [language, { version, hash, ...(logIndex === null ? {} : { log: logIndex }) }]),
  );
}

/** Whether the person can be asked in this language. Notices from before there were texts have the first version. */
export function isReadableIn({ texts }: Notice, language: Language): boolean {
  return texts === undefined || texts[language] !== undefined;
}

export const FIRST_VERSION = 1;

export function versionFor({ texts }: Notice, language: Language): number | null {
  return texts === undefined ? FIRST_VERSION : (texts[language]?.version ?? null);
}

export interface TextFlaw {
  section: Section;
  kind: "empty" | "too_long" | "unknown_place" | "missing_place";
  /** The place that is unknown or missing. */
  place?: string;
}

/** What keeps a wording from being published. */
export function flawsOf(sections: Sections): TextFlaw[] {
  return SECTION_NAMES.flatMap((section) => flawsIn(section, sections[section].trim()));
}

function flawsIn(section: Section, text: string): TextFlaw[] {
  if (text === "") return [{ section, kind: "empty" }];
  const named = placesIn(text);
  const unknown = named.filter((place) => !(PLACES as readonly string[]).includes(place));
  const missing = SECTIONS[section].filter((place) => !named.includes(place));
  return [
    ...(text.length > LONGEST_SECTION ? [{ section, kind: "too_long" as const }] : []),
    ...unknown.map((place) => ({ section, kind: "unknown_place" as const, place })),
    ...missing.map((place) => ({ section, kind: "missing_place" as const, place })),
  ];
}

function placesIn(text: string): string[] {
  return [...text.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1] ?? "");
}

/** The text of one request. */
export function filled(text: string, values: Record<Place, string>): string {
  return text.replaceAll(/\{(\w+)\}/g, (whole, place: string) => (Object.hasOwn(values, place) ? values[place as Place] : whole));
}
