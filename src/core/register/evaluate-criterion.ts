import type { Words } from "../catalogue/data-set.ts";
import type { Check, Criterion, Facts, Outcome } from "./charter.ts";
import { QUORUM } from "./facts.ts";
import type { Role } from "./participant.ts";

export interface Evaluation {
  outcome: Outcome;
  /** Why, in a sentence for people. */
  because: Words;
}

/** Whether a participant of these roles has to meet this criterion at this level. */
export function isAsked({ appliesTo, level: needed }: Criterion, roles: readonly Role[], level: 1 | 2): boolean {
  return needed <= level && appliesTo.some((role) => roles.includes(role));
}

/** Three values: what is not shown is never met, and neither is a fact of another type than the check's (D9). */
export function evaluateCriterion(criterion: Criterion, facts: Facts, now: Date): Evaluation {
  const { check } = criterion;
  if (check.kind === "probe") return evaluateProbes(check.probes, criterion, facts, now);
  if (check.kind === "attested_by") return evaluateEvidence(criterion, check, facts, now);
  if (check.kind === "human_review") return evaluateReview(criterion, check.evidence, facts);
  return evaluateFact(check, facts, now);
}

type FactCheck = Exclude<Check, { kind: "probe" | "attested_by" | "human_review" }>;
type Tested = boolean | "not_shown";

// oxfmt-ignore
const TESTS: { [K in FactCheck["kind"]]: (check: Extract<FactCheck, { kind: K }>, value: unknown, now: Date) => Tested } = {
  equals:      ({ value: wanted }, value) => typeof value === typeof wanted ? value === wanted : "not_shown",
  at_most:     ({ value: limit }, value) => typeof value === "number" && Number.isFinite(value) ? value <= limit : "not_shown",
  at_least:    ({ value: limit }, value) => typeof value === "number" && Number.isFinite(value) ? value >= limit : "not_shown",
  one_of:      ({ values }, value) => typeof value === "string" || typeof value === "number" ? values.includes(value) : "not_shown",
  includes:    ({ values }, value) => isTexts(value) ? values.every((wanted) => value.includes(wanted)) : "not_shown",
  none_of:     ({ values }, value) => isTexts(value) ? !values.some((unwanted) => value.includes(unwanted)) : typeof value === "string" ? !values.includes(value) : "not_shown",
  date_within: ({ days }, value, now) => typeof value === "string" && isFullDate(value) ? isWithin(value, days, now) : "not_shown",
};

function evaluateFact(check: FactCheck, facts: Facts, now: Date): Evaluation {
  const value = factAt(facts, check.fact);
  const test = TESTS[check.kind] as (check: FactCheck, value: unknown, now: Date) => Tested;
  const tested = value === undefined || value === null ? "not_shown" : test(check, value, now);
  if (tested === "not_shown") return NOT_SHOWN;
  return tested ? MET : { outcome: "not_met", because: NOT_AS_ASKED };
}

const MET: Evaluation = { outcome: "met", because: { fr: "Le critère est rempli.", en: "The criterion is met." } };
const NOT_SHOWN: Evaluation = {
  outcome: "not_shown",
  because: {
    fr: "Rien ne le montre encore : la réponse ou la preuve manque.",
    en: "Nothing shows it yet: the answer or the evidence is missing.",
  },
};
const NOT_AS_ASKED: Words = {
  fr: "La réponse donnée n’est pas celle que le critère demande.",
  en: "The answer that was given is not what the criterion asks for.",
};

/** `answers` has dotted names as they are; everything else is walked member by member, own members only. */
export function factAt(facts: Facts, path: string): unknown {
  const [root = "", ...rest] = path.split(".");
  if (root === "answers") return own(facts.answers, rest.join("."));
  return [root, ...rest].reduce<unknown>((value, name) => own(value, name), facts);
}

function own(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function isFullDate(value: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(`${value}T00:00:00Z`));
}

const DAY_MILLISECONDS = 86_400_000;

function isWithin(date: string, days: number, now: Date): boolean {
  const age = now.getTime() - Date.parse(`${date}T00:00:00Z`);
  return age >= 0 && age <= (days + 1) * DAY_MILLISECONDS;
}

function evaluateProbes(probes: string[], { recheckDays }: Criterion, facts: Facts, now: Date): Evaluation {
  const results = probes.map((name) => ({ name, result: own(facts.probes, name) as Facts["probes"][string] | undefined }));
  const failed = results.filter(({ result }) => result?.outcome === "failed").map(({ name }) => name);
  if (failed.length > 0)
    return {
      outcome: "not_met",
      because: { fr: `Contrôle manqué : ${failed.join(", ")}.`, en: `Check failed: ${failed.join(", ")}.` },
    };
  const missing = results
    .filter(({ result }) => result?.outcome !== "passed" || isStale(result.at, recheckDays, now))
    .map(({ name }) => name);
  if (missing.length === 0)
    return { outcome: "met", because: { fr: "Les contrôles automatiques ont réussi.", en: "The automatic checks passed." } };
  return {
    outcome: "not_shown",
    because: { fr: `Contrôle à faire : ${missing.join(", ")}.`, en: `Check still to be run: ${missing.join(", ")}.` },
  };
}

function isStale(at: string, recheckDays: number | null, now: Date): boolean {
  return recheckDays !== null && now.getTime() - Date.parse(at) > recheckDays * DAY_MILLISECONDS;
}

function evaluateEvidence({ evidence }: Criterion, check: Extract<Check, { kind: "attested_by" }>, facts: Facts, now: Date): Evaluation {
  const shown = own(facts.evidence, check.evidence) as Facts["evidence"][string] | undefined;
  if (shown === undefined) return NOT_SHOWN;
  const oldest = evidence?.maxAgeDays ?? null;
  if (oldest !== null && !isWithin(shown.date, oldest, now))
    return {
      outcome: "not_met",
      because: { fr: "Le justificatif est trop ancien, ou daté dans le futur.", en: "The evidence is too old, or dated in the future." },
    };
  if (shown.validUntil !== undefined && now.toISOString().slice(0, 10) > shown.validUntil)
    return {
      outcome: "not_met",
      because: { fr: "Le certificat n’est plus valable.", en: "The certificate ran out." },
    };
  if (check.issuers !== null && !check.issuers.includes(shown.issuer))
    return {
      outcome: "not_met",
      because: { fr: "Le justificatif ne vient pas d’un émetteur reconnu.", en: "The evidence is not by a recognised issuer." },
    };
  return shown.accepted ? MET : WAITS_FOR_ACCREDITORS;
}

const WAITS_FOR_ACCREDITORS: Evaluation = {
  outcome: "not_shown",
  because: { fr: "Deux personnes chargées de l’agrément doivent encore le lire.", en: "Two accreditors have yet to read it." },
};

function evaluateReview({ id }: Criterion, evidence: string | null, facts: Facts): Evaluation {
  if (evidence !== null && own(facts.evidence, evidence) === undefined) return NOT_SHOWN;
  const found = own(facts.reviews, id);
  return typeof found === "number" && found >= QUORUM ? MET : WAITS_FOR_ACCREDITORS;
}
