import type { Words } from "../catalogue/data-set.ts";
import type { Certificate } from "../policy/certificates.ts";
import type { Role } from "./participant.ts";

/** Three values: absent evidence never passes (D9). */
export type Outcome = "met" | "not_met" | "not_shown";

/**
 * The closed vocabulary of checks. `fact` is a dotted path into the facts (`answers.hosting.country`, `entity.endpoints.inbox`).
 * A missing fact is `not_shown`, whatever the check.
 */
export type Check =
  | { kind: "equals"; fact: string; value: string | number | boolean }
  | { kind: "at_most"; fact: string; value: number }
  | { kind: "at_least"; fact: string; value: number }
  | { kind: "one_of"; fact: string; values: (string | number)[] }
  | { kind: "includes"; fact: string; values: string[] }
  | { kind: "none_of"; fact: string; values: string[] }
  /** A full-date not older than so many days, and not in the future. */
  | { kind: "date_within"; fact: string; days: number }
  /** Evidence of this kind, accepted by a review, issued by one of these and not older than the evidence allows. */
  | { kind: "attested_by"; evidence: string; issuers: string[] | null }
  /** Two accreditors read it (level 2). */
  | { kind: "human_review"; evidence: string | null }
  /** Every one of these probes passed, not longer ago than the re-check interval. */
  | { kind: "probe"; probes: string[] };

/** What the applicant is asked where a fact is not known otherwise. Public beforehand, like every question. */
export interface Question {
  /** Name of the answer: `hosting.country`, found at `answers.hosting.country`. */
  answer: string;
  label: Words;
  hint: Words | null;
  type: "yes_no" | "text" | "long_text" | "number" | "date" | "country" | "url" | "choice" | "choices";
  options: { value: string; label: Words }[];
  /** The answer describes the service, and stands on the public page of whoever bears the accreditation. Absent: nobody outside sees it. */
  public?: true | undefined;
}

export interface EvidenceWanted {
  kind: string;
  title: Words;
  /** Days after its own date that it may be old; null for no limit. */
  maxAgeDays: number | null;
  issuer: Words | null;
  /** Certificates of the register's list that it may be: named when it is handed in, they count for holders' conditions once it is accepted. */
  certificates?: Certificate[];
}

export type FailureEffect = { kind: "warn" } | { kind: "due"; days: number } | { kind: "suspend" };

/** Facts about one participant, as the checks read them. */
export interface Facts {
  /** What its own entity configuration says: name, endpoints, country, privacyContact, policyUri, roles, keys (count). */
  entity: Record<string, unknown>;
  /** What the applicant answered, by dotted name. */
  answers: Record<string, unknown>;
  /** The newest result of each probe. */
  probes: Record<string, { outcome: "passed" | "failed" | "not_run"; at: string }>;
  /** Evidence by kind: its own date and issuer, its last day where it is a certificate, and whether a review accepted it. */
  evidence: Record<string, { date: string; issuer: string; accepted: boolean; validUntil?: string }>;
  /** Criteria that reviews found met, by id: how many different accreditors. */
  reviews: Record<string, number>;
}

export interface Criterion {
  id: string;
  /** Section of the task list. */
  section: Section;
  title: Words;
  /** The plain statement of what must be true. */
  statement: Words;
  /** Why, and which threat it answers. */
  why: Words;
  threat: Words;
  /** Where it comes from: P1 to P8, S-rows, validation points. */
  sources: string[];
  appliesTo: Role[];
  level: 1 | 2;
  questions: Question[];
  evidence: EvidenceWanted | null;
  check: Check;
  /** Days after which it is checked again; null where the yearly renewal is enough. */
  recheckDays: number | null;
  onFailure: FailureEffect;
  cases: { name: string; facts: Partial<Facts>; outcome: Outcome }[];
}

export const SECTIONS = [
  "identity",
  "service",
  "domain",
  "hosting",
  "security",
  "incidents",
  "processing",
  "rights",
  "access",
  "services",
  "reversibility",
  "charter",
] as const;
export type Section = (typeof SECTIONS)[number];

export interface Charter {
  version: string;
  title: Words;
  /** Says plainly that it is derived from the pilot's documentation, not the charter's official text. */
  label: Words;
  text: Words;
  /** Full-dates. New applications may use it from `from` until `until`; accreditations under it end at `validUntil` at the latest. */
  from: string;
  until: string | null;
  validUntil: string | null;
  criteria: Criterion[];
  /** base64url SHA-256 of the canonical JSON of everything above: what is signed, marked and logged. */
  digest: string;
}

/** Every version that this installation knows, newest first. */
export interface Charters {
  list(): Charter[];
  /** @throws RelaisError `not_found`. */
  get(version: string): Charter;
  /** The newest whose `from` is past and whose `until` is not. */
  current(now: Date): Charter;
}
