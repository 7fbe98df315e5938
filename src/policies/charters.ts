import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { canonicalJson } from "../core/canonical-json.ts";
import { PROBE_NAMES } from "../core/conformance/probe-names.ts";
import { RelaisError } from "../core/errors.ts";
import { CERTIFICATES, type Certificate } from "../core/policy/certificates.ts";
import { SECTIONS, type Charter, type Charters, type Criterion, type EvidenceWanted, type Facts } from "../core/register/charter.ts";
import { evaluateCriterion } from "../core/register/evaluate-criterion.ts";
import { sha256 } from "../core/transfer/manifest.ts";

const words = z.strictObject({ fr: z.string().min(1), en: z.string().min(1) });
const date = z.iso.date();
const FACT = /^(answers|entity)\.[a-zA-Z][\w.-]*$/;
const fact = z.string().regex(FACT, "expected a fact as answers.… or entity.…");
const scalar = z.union([z.string(), z.number(), z.boolean()]);

const check = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("equals"), fact, value: scalar }),
  z.strictObject({ kind: z.literal("at_most"), fact, value: z.number() }),
  z.strictObject({ kind: z.literal("at_least"), fact, value: z.number() }),
  z.strictObject({ kind: z.literal("one_of"), fact, values: z.array(z.union([z.string(), z.number()])).min(1) }),
  z.strictObject({ kind: z.literal("includes"), fact, values: z.array(z.string()).min(1) }),
  z.strictObject({ kind: z.literal("none_of"), fact, values: z.array(z.string()).min(1) }),
  z.strictObject({ kind: z.literal("date_within"), fact, days: z.int().min(1) }),
  z.strictObject({ kind: z.literal("attested_by"), evidence: z.string(), issuers: z.array(z.string()).min(1).nullable().default(null) }),
  z.strictObject({ kind: z.literal("human_review"), evidence: z.string().nullable().default(null) }),
  z.strictObject({ kind: z.literal("probe"), probes: z.array(z.enum(PROBE_NAMES)).min(1) }),
]);

const question = z.strictObject({
  answer: z.string().regex(/^[a-z][\w]*(\.[a-z][\w]*)+$/, "expected a dotted name"),
  label: words,
  hint: words.nullable().default(null),
  type: z.enum(["yes_no", "text", "long_text", "number", "date", "country", "url", "choice", "choices"]),
  options: z.array(z.strictObject({ value: z.string(), label: words })).default([]),
  public: z.literal(true).optional(),
});

const partialFacts = z.strictObject({
  entity: z.record(z.string(), z.unknown()).optional(),
  answers: z.record(z.string(), z.unknown()).optional(),
  probes: z.record(z.string(), z.strictObject({ outcome: z.enum(["passed", "failed", "not_run"]), at: z.string() })).optional(),
  evidence: z
    .record(z.string(), z.strictObject({ date, issuer: z.string(), accepted: z.boolean(), validUntil: date.optional() }))
    .optional(),
  reviews: z.record(z.string(), z.number()).optional(),
});

const criterion = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{1,60}$/),
  section: z.enum(SECTIONS),
  title: words,
  statement: words,
  why: words,
  threat: words,
  sources: z.array(z.string()).min(1),
  applies_to: z.array(z.enum(["holder", "platform", "service"])).min(1),
  level: z.union([z.literal(1), z.literal(2)]),
  questions: z.array(question).default([]),
  evidence: z
    .strictObject({
      kind: z.string(),
      title: words,
      max_age_days: z.int().nullable().default(null),
      issuer: words.nullable().default(null),
      certificates: z
        .array(z.enum(Object.keys(CERTIFICATES) as [Certificate, ...Certificate[]]))
        .min(1)
        .optional(),
    })
    .nullable()
    .default(null),
  check,
  recheck_days: z.int().min(1).nullable().default(null),
  on_failure: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("warn") }),
    z.strictObject({ kind: z.literal("due"), days: z.int().min(1) }),
    z.strictObject({ kind: z.literal("suspend") }),
  ]),
  cases: z.array(z.strictObject({ name: z.string(), facts: partialFacts, outcome: z.enum(["met", "not_met", "not_shown"]) })).min(3),
});

const head = z.strictObject({
  version: z.string().regex(/^\d{4}-\d{2}(-\d{2})?$/),
  title: words,
  label: words,
  text: words,
  from: date,
  until: date.nullable().default(null),
  valid_until: date.nullable().default(null),
});

/** The day on which the cases of the criteria stand: what is old or due in them does not change with the calendar. */
export const CASE_DAY = new Date("2026-11-24T12:00:00Z");

/**
 * Every version under this folder, one subfolder each: `charter.yaml` and `criteria/*.yaml`.
 * @throws RelaisError `unavailable` naming the file and what is wrong in it; a case that does not come out as stated is wrong too.
 */
export function openCharters(folder: string): Charters {
  const versions = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => readCharter(join(folder, name), name))
    .sort((a, b) => (a.from < b.from ? 1 : -1));
  if (versions.length === 0) throw wrong(folder, "it holds no version of the charter");
  return {
    list: () => versions,
    get: (version) => versions.find((one) => one.version === version) ?? unknown(version),
    current: (now) => versions.find((one) => isOpen(one, now)) ?? none(),
  };
}

function isOpen({ from, until }: Charter, now: Date): boolean {
  return new Date(`${from}T00:00:00Z`) <= now && (until === null || new Date(`${until}T23:59:59Z`) >= now);
}

function unknown(version: string): never {
  throw new RelaisError("not_found", `There is no version ${version.slice(0, 20)} of the charter here.`);
}

function none(): never {
  throw new RelaisError("unavailable", "No version of the charter is in force today. The operator must add one under policies/charter.");
}

function readCharter(folder: string, name: string): Charter {
  const { valid_until: validUntil, ...given } = read(join(folder, "charter.yaml"), head);
  if (given.version !== name) throw wrong(folder, `its version is ${given.version}, and its folder is called ${name}`);
  const files = readdirSync(join(folder, "criteria"))
    .filter((file) => file.endsWith(".yaml"))
    .sort();
  const criteria = files.map((file) => readCriterion(join(folder, "criteria", file), file));
  const content = { ...given, validUntil, criteria };
  return { ...content, digest: sha256(canonicalJson(content)) };
}

function readCriterion(path: string, file: string): Criterion {
  const { applies_to, recheck_days, on_failure, evidence, cases, ...given } = read(path, criterion);
  if (`${given.id}.yaml` !== file) throw wrong(path, `its id is ${given.id}`);
  const made: Criterion = {
    ...given,
    appliesTo: applies_to,
    recheckDays: recheck_days,
    onFailure: on_failure,
    evidence: evidence && evidenceOf(evidence),
    cases: cases as Criterion["cases"],
  };
  const strayed = made.cases.find((one) => evaluateCriterion(made, factsOf(one.facts), CASE_DAY).outcome !== one.outcome);
  if (strayed) throw wrong(path, `the case "${strayed.name}" does not come out as ${strayed.outcome}`);
  return made;
}

function evidenceOf({
  max_age_days: maxAgeDays,
  certificates,
  ...given
}: NonNullable<z.infer<typeof criterion>["evidence"]>): EvidenceWanted {
  return { ...given, maxAgeDays, ...(certificates ? { certificates } : {}) };
}

/** A case says only what matters to it; nothing else is known. */
export function factsOf(given: Partial<Facts>): Facts {
  return { entity: {}, answers: {}, probes: {}, evidence: {}, reviews: {}, ...given };
}

function read<T extends z.ZodType>(path: string, schema: T): z.infer<T> {
  try {
    return schema.parse(parse(readFileSync(path, "utf8")));
  } catch (cause) {
    const flaw = cause instanceof z.ZodError ? `${cause.issues[0]?.path.join(".")}: ${cause.issues[0]?.message}` : String(cause);
    throw wrong(path, flaw, cause);
  }
}

function wrong(path: string, flaw: string, cause?: unknown): RelaisError {
  return new RelaisError("unavailable", `The charter is wrong in ${path}: ${flaw}. Whoever wrote it must correct it.`, { cause });
}
