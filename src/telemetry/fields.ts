import { RelaisError } from "../core/errors.ts";

export type Fields = Record<string, unknown>;

const MASK = "[masked]";

const word = (value: unknown) => (typeof value === "string" && /^[\w.:/-]{1,64}$/.test(value) ? value : MASK);

/** What a field must look like to be written; anything else is masked. None of them can hold a sentence or an address of a person. */
const KINDS = {
  id: (value: unknown) =>
    typeof value === "string" && /^[a-z]{2,8}_[\w-]{1,64}$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$|^[0-9a-f]{32}$/.test(value)
      ? value
      : MASK,
  word,
  number: (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : MASK),
  flag: (value: unknown) => (typeof value === "boolean" ? value : MASK),
  time: (value: unknown) => (value instanceof Date ? value.toISOString() : MASK),
  url: (value: unknown) => (typeof value === "string" || value instanceof URL ? withoutQuery(String(value)) : MASK),
  words: (value: unknown) => (Array.isArray(value) ? value.map(word).slice(0, 50) : MASK),
  error: (value: unknown) => describeError(value),
} satisfies Record<string, (value: unknown) => unknown>;

/** The closed list of what may be logged. A new field is a decision about privacy: it is made here. */
const FIELDS = {
  id: "transferId consentId participantId switchId linkId documentId personId requestId supportId traceId id",
  word: "state from to reason code actor kind role adapter method route event signal name queue keyId algorithm table migration version host syscall errno",
  number:
    "status count items bytes attempt epoch port pid milliseconds seconds retryAfter depth size concurrency delivered omitted expected limit people rung pending",
  flag: "retryable embedded sandbox",
  time: "dueAt since until",
  url: "url issuer origin entityId source destination",
  words: "roles pointers migrations datasets reasons",
  error: "error",
} as const satisfies Record<keyof typeof KINDS, string>;

const CHECKS = new Map<string, (value: unknown) => unknown>(
  Object.entries(FIELDS).flatMap(([kind, names]) => names.split(" ").map((name) => [name, KINDS[kind as keyof typeof KINDS]] as const)),
);

/** Only listed fields pass, each in its form; the others are dropped, and their number is said so that somebody notices. */
export function allowed(fields: Fields): Fields {
  const kept: Fields = {};
  let dropped = 0;
  for (const [name, value] of Object.entries(fields)) {
    const check = CHECKS.get(name);
    if (check === undefined) dropped++;
    else if (value !== undefined) kept[name] = value === null ? null : check(value);
  }
  return dropped === 0 ? kept : { ...kept, droppedFields: dropped };
}

/** Queries and user information of URLs, and whatever looks like an e-mail address, do not belong into a sentence either. */
export function scrub(text: string): string {
  return text
    .replace(/\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>]+/gi, withoutQuery)
    .replace(/[^\s<>"'=:(),;]+@[^\s<>"'=:(),;]+\.[a-z]{2,}/gi, MASK)
    .slice(0, 500);
}

/** Words and frames of the error: of a foreign one not the message, which may quote the data that it failed on. */
function describeError(error: unknown, depth = 0): Fields | string {
  if (!(error instanceof Error)) return MASK;
  const ours = error instanceof RelaisError;
  return {
    type: error.name,
    ...codeOf(error),
    ...(ours ? { message: scrub(error.message), details: allowed(error.details) } : {}),
    stack: framesOf(error),
    ...(error.cause instanceof Error && depth < 3 ? { cause: describeError(error.cause, depth + 1) } : {}),
  };
}

function codeOf(error: Error): Fields {
  return "code" in error ? { code: word(error.code) } : {};
}

function framesOf(error: Error): string[] {
  const lines = (error.stack ?? "").split("\n").map((line) => line.trim());
  return lines.filter((line) => /^at .*(:\d+:\d+\)?|<anonymous>\)?)$/.test(line)).slice(0, 12);
}

function withoutQuery(url: string): string {
  if (!URL.canParse(url)) return url.startsWith("/") ? (url.split(/[?#]/)[0] ?? MASK) : MASK;
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
