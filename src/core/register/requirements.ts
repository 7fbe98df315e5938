import type { Words } from "../catalogue/data-set.ts";
import type { Application, CriterionResult } from "./application.ts";
import { endOfAccreditation, takesNew, type Charter, type Criterion, type Facts, type Outcome, type Section } from "./charter.ts";
import { evaluateCriterion, isAsked } from "./evaluate-criterion.ts";
import type { Participant } from "./participant.ts";

/** One thing that is missing: what, why, and by when. */
export interface Requirement {
  criterion: string;
  section: Section;
  title: Words;
  outcome: Outcome;
  because: Words;
  /** Who has to do something: the applicant, the automatic checks, or the accreditors. */
  waitsFor: "participant" | "checks" | "accreditors";
  dueAt: Date | null;
}

/** The state of an application in one object (in the manner of payment platforms' requirement hashes). */
export interface Requirements {
  /** Must be given before the application can go on, or before the deadline. */
  currentlyDue: Requirement[];
  /** Will be looked at or asked for later: checks that wait for their run, reviews. */
  eventuallyDue: Requirement[];
  /** Should have been mended by now. */
  pastDue: Requirement[];
  /** The earliest date at which something is lost; null where nothing is. */
  deadline: Date | null;
}

interface Standing {
  application: Application;
  participant: Pick<Participant, "roles">;
  charter: Charter;
  facts: Facts;
  /** Results of the present round, for due dates. */
  results: CriterionResult[];
  now: Date;
}

/** Days before its end in which an accreditation is to be renewed. */
export const RENEWAL_DAYS = 60;

/**
 * Whether checks alone renew it in its last days: level 1, under a version that still takes new applications, where it gains time by it.
 * Everything else is applied for again.
 */
export function renewsItself({ level, until }: Pick<Application, "level" | "until">, charter: Charter, now: Date): boolean {
  return level === 1 && until !== null && takesNew(charter, now) && endOfAccreditation(charter, now) > until;
}

/** Criteria that this application has to meet, once each. */
export function criteriaOf(charter: Charter, { level }: Pick<Application, "level">, { roles }: Pick<Participant, "roles">): Criterion[] {
  return charter.criteria.filter((criterion) => isAsked(criterion, roles, level));
}

export function requirementsOf(standing: Standing): Requirements {
  const { application, participant, charter, facts, results, now } = standing;
  const dueDates = new Map(results.map(({ criterion, dueAt }) => [criterion, dueAt]));
  const open = criteriaOf(charter, application, participant)
    .map((criterion) => requirementOf(criterion, facts, dueDates.get(criterion.id) ?? null, now))
    .filter((one) => one.outcome !== "met");
  const pastDue = open.filter(({ dueAt }) => dueAt !== null && dueAt <= now);
  const later = open.filter((one) => !pastDue.includes(one));
  const dates = [...open.map(({ dueAt }) => dueAt), application.until].filter((date) => date !== null);
  return {
    currentlyDue: later.filter(({ waitsFor }) => waitsFor === "participant"),
    eventuallyDue: later.filter(({ waitsFor }) => waitsFor !== "participant"),
    pastDue,
    deadline: dates.length === 0 ? null : new Date(Math.min(...dates.map((date) => date.getTime()))),
  };
}

function requirementOf(criterion: Criterion, facts: Facts, dueAt: Date | null, now: Date): Requirement {
  const { outcome, because } = evaluateCriterion(criterion, facts, now);
  return {
    criterion: criterion.id,
    section: criterion.section,
    title: criterion.title,
    outcome,
    because,
    waitsFor: waitsFor(criterion, facts),
    dueAt,
  };
}

/** Evidence that is there waits for accreditors; evidence that is not, for the applicant. A probe that failed is the applicant's to mend. */
function waitsFor({ check, evidence }: Criterion, facts: Facts): Requirement["waitsFor"] {
  const isThere = (kind: string): boolean => facts.evidence[kind] !== undefined;
  if (check.kind === "probe") return "checks";
  if (check.kind === "attested_by") return isThere(check.evidence) ? "accreditors" : "participant";
  if (check.kind === "human_review") return evidence === null || isThere(evidence.kind) ? "accreditors" : "participant";
  return "participant";
}
