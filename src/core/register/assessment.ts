import type { Words } from "../catalogue/data-set.ts";
import type { Reader } from "../ports.ts";
import type { Answer, Application, CharterSignature, CriterionResult, Review } from "./application.ts";
import { SECTIONS, type Charter, type Charters, type Criterion, type Facts, type Outcome, type Question, type Section } from "./charter.ts";
import { evaluateCriterion } from "./evaluate-criterion.ts";
import { readFacts } from "./facts.ts";
import type { Participant } from "./participant.ts";
import { criteriaOf } from "./requirements.ts";

/** How a criterion is shown: by what is seen from outside, published, answered, signed, or read by two accreditors. */
export type Method = "probe" | "published" | "answer" | "signature" | "evidence" | "review";

export interface AssessedCriterion {
  criterion: Criterion;
  outcome: Outcome;
  because: Words;
  method: Method;
  /** When somebody or something looked last; null where nobody did. */
  lookedAt: Date | null;
  /** When it has to be looked at again at the latest; null where it is not met. */
  nextAt: Date | null;
}

/** An answer that the charter marks as public. */
export interface PublicAnswer {
  section: Section;
  question: Question;
  value: Answer;
}

/** What an application shows of a participant now, criterion by criterion. It holds no evidence and no message: all of it may be public. */
export interface Assessment {
  charter: Charter;
  level: 1 | 2;
  until: Date | null;
  criteria: AssessedCriterion[];
  answers: PublicAnswer[];
}

/** Null where this installation no longer has the version of the charter. */
export async function readAssessment(
  r: Reader,
  charters: Charters,
  { participant, application, now }: { participant: Participant; application: Application; now: Date },
): Promise<Assessment | null> {
  const charter = charters.list().find(({ version }) => version === application.charterVersion);
  if (charter === undefined) return null;
  const facts = await readFacts(r, participant, application, charter);
  const [results, reviews, signatures] = await Promise.all([
    r.accreditations.results(application.id, application.round),
    r.accreditations.reviews(application.id, application.round),
    r.accreditations.signatures(participant.id),
  ]);
  const seen: Seen = { application, facts, results, reviews, signatures, now };
  const asked = inOrder(criteriaOf(charter, application, participant));
  return {
    charter,
    level: application.level,
    until: application.until,
    criteria: asked.map((criterion) => assess(criterion, seen)),
    answers: publicAnswers(asked, application),
  };
}

/** In the order of the sections. */
function inOrder(criteria: Criterion[]): Criterion[] {
  return criteria.toSorted((a, b) => SECTIONS.indexOf(a.section) - SECTIONS.indexOf(b.section));
}

interface Seen {
  application: Application;
  facts: Facts;
  results: CriterionResult[];
  reviews: Review[];
  signatures: CharterSignature[];
  now: Date;
}

function assess(criterion: Criterion, seen: Seen): AssessedCriterion {
  const { outcome, because } = evaluateCriterion(criterion, seen.facts, seen.now);
  const method = methodOf(criterion);
  const lookedAt = LOOKS[method](criterion, seen);
  return { criterion, outcome, because, method, lookedAt, nextAt: outcome === "met" ? nextLook(criterion, lookedAt, seen) : null };
}

export function methodOf({ check }: Pick<Criterion, "check">): Method {
  if (check.kind === "probe") return "probe";
  if (check.kind === "attested_by") return "evidence";
  if (check.kind === "human_review") return "review";
  if (check.fact === "answers.charter.signed") return "signature";
  return check.fact.startsWith("entity.") ? "published" : "answer";
}

const LOOKS: Record<Method, (criterion: Criterion, seen: Seen) => Date | null> = {
  probe: lastProbe,
  published: lastResult,
  answer: lastResult,
  signature: (_criterion, { signatures, application }) =>
    signatures.find(({ charterVersion }) => charterVersion === application.charterVersion)?.signedAt ?? null,
  evidence: lastReview,
  review: lastReview,
};

/** A criterion is as fresh as its oldest probe. */
function lastProbe({ check }: Criterion, { facts }: Seen): Date | null {
  const times = check.kind === "probe" ? check.probes.map((name) => Date.parse(facts.probes[name]?.at ?? "")) : [];
  return times.length === 0 || times.some(Number.isNaN) ? null : new Date(Math.min(...times));
}

function lastResult({ id }: Criterion, { results, application }: Seen): Date | null {
  return results.find(({ criterion }) => criterion === id)?.checkedAt ?? application.submittedAt;
}

function lastReview({ id }: Criterion, { reviews }: Seen): Date | null {
  const times = reviews.filter((review) => review.withoutConflict && review.met.includes(id)).map(({ at }) => at.getTime());
  return times.length === 0 ? null : new Date(Math.max(...times));
}

const DAY_MILLISECONDS = 86_400_000;
const daysAfter = (at: Date, days: number): Date => new Date(at.getTime() + days * DAY_MILLISECONDS);

/** The first of: its interval, the end of what evidence may be old, the renewal of the whole accreditation. */
function nextLook({ recheckDays, evidence }: Criterion, lookedAt: Date | null, { facts, application }: Seen): Date | null {
  const shown = evidence && facts.evidence[evidence.kind];
  const dates = [
    recheckDays !== null && lookedAt !== null ? daysAfter(lookedAt, recheckDays) : null,
    evidence?.maxAgeDays && shown ? daysAfter(new Date(`${shown.date}T00:00:00Z`), evidence.maxAgeDays) : null,
    application.until,
  ].filter((date) => date !== null);
  return dates.length === 0 ? null : new Date(Math.min(...dates.map((date) => date.getTime())));
}

/** Two criteria may ask the same question: its answer stands once. */
function publicAnswers(criteria: Criterion[], { answers }: Application): PublicAnswer[] {
  const found = new Map<string, PublicAnswer>();
  for (const { section, questions } of criteria)
    for (const question of questions) {
      const value = Object.hasOwn(answers, question.answer) ? answers[question.answer] : undefined;
      if (question.public && value !== undefined) found.set(question.answer, { section, question, value });
    }
  return [...found.values()];
}
