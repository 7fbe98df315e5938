import { randomBytes } from "node:crypto";
import { RelaisError } from "./errors.ts";

/**
 * Prefix of each kind of id. An id is the prefix, `_`, and 22 characters of base62: 130 bits of chance, or eight characters of the time and 83 bits
 * where very many are written one after another (decision 0044).
 */
const PREFIXES = {
  participant: "prt",
  person: "prs",
  session: "ses",
  passkey: "psk",
  link: "lnk",
  consent: "cst",
  change: "chg",
  transfer: "trf",
  campaign: "cmp",
  switch: "swt",
  document: "doc",
  trustMark: "tmk",
  organisation: "org",
  application: "apl",
  decision: "dec",
  evidence: "evd",
  event: "evt",
  probeRun: "prb",
  review: "rev",
  meeting: "mtg",
  certificate: "crt",
  reminder: "rem",
  mail: "mal",
  mailAddress: "mad",
  journey: "jrn",
  problem: "pbl",
  package: "pkg",
} as const;

type Kind = keyof typeof PREFIXES;
export type Id<K extends Kind> = `${(typeof PREFIXES)[K]}_${string}`;
export type ParticipantId = Id<"participant">;
export type PersonId = Id<"person">;
export type SessionId = Id<"session">;
export type PasskeyId = Id<"passkey">;
export type LinkId = Id<"link">;
export type ConsentId = Id<"consent">;
export type TransferId = Id<"transfer">;
export type SwitchId = Id<"switch">;
export type DocumentId = Id<"document">;
export type JourneyId = Id<"journey">;
export type TrustMarkId = Id<"trustMark">;

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH = 22;

/** Of these, ids sort by the moment at which they were made. */
const IN_ORDER: readonly Kind[] = ["transfer"];
const TIME_LENGTH = 8;

export function newId<K extends Kind>(kind: K): Id<K> {
  let text = IN_ORDER.includes(kind) ? timeText(Date.now()) : "";
  while (text.length < LENGTH) {
    // 248 is the largest multiple of 62 below 256: dropping the rest keeps every character equally likely.
    for (const byte of randomBytes(32)) if (byte < 248 && text.length < LENGTH) text += ALPHABET[byte % 62];
  }
  return `${PREFIXES[kind]}_${text}`;
}

/** Milliseconds since 1970 in base62, as long in the year 8000 as today. */
function timeText(milliseconds: number): string {
  let text = "";
  for (let rest = milliseconds; text.length < TIME_LENGTH; rest = Math.floor(rest / ALPHABET.length))
    text = ALPHABET[rest % ALPHABET.length] + text;
  return text;
}

export function isId<K extends Kind>(kind: K, value: unknown): value is Id<K> {
  return typeof value === "string" && new RegExp(`^${PREFIXES[kind]}_[0-9A-Za-z]{${LENGTH}}$`).test(value);
}

/** @throws RelaisError `not_found`: an id of another form names nothing. */
export function asId<K extends Kind>(kind: K, value: unknown): Id<K> {
  if (!isId(kind, value)) throw new RelaisError("not_found", `There is no ${kind} with this id.`);
  return value;
}

/** 256 bits of chance, for words that open something once. */
export function randomToken(): string {
  return randomBytes(32).toString("base64url");
}
