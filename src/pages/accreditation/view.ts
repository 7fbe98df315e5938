import type {
  Answer as Given,
  Application,
  ApplicationState,
  Decision,
  DecisionKind,
  Evidence,
  Message,
} from "../../core/register/application.ts";
import { CERTIFICATES } from "../../core/policy/certificates.ts";
import { SECTIONS, type Charter, type Criterion, type Question, type Section } from "../../core/register/charter.ts";
import type { Participant } from "../../core/register/participant.ts";
import { OPERATOR } from "../../core/register/record-decision.ts";
import type { CaseFile } from "../../core/register/read-case.ts";
import { criteriaOf, type Requirement } from "../../core/register/requirements.ts";
import { spaced, type Tongue } from "../tongue.ts";

/** Colour and words always come together. */
const TAGS = {
  draft: "govuk-tag--grey",
  submitted: "govuk-tag--blue",
  checking: "govuk-tag--blue",
  in_review: "govuk-tag--blue",
  changes_requested: "govuk-tag--orange",
  accredited: "govuk-tag--green",
  suspended: "govuk-tag--orange",
  reinstated: "govuk-tag--green",
  revoked: "govuk-tag--red",
  refused: "govuk-tag--red",
  expired: "govuk-tag--grey",
  withdrawn: "govuk-tag--grey",
  reopened: "govuk-tag--grey",
} as const satisfies Record<ApplicationState, string>;

export function tagOf({ t }: Tongue, state: ApplicationState) {
  return { text: t(`case.state.${state}`), classes: TAGS[state] };
}

export function rowOfRequirement({ t, lang, date }: Tongue, { criterion, title, because, outcome, waitsFor, dueAt }: Requirement) {
  return {
    id: criterion,
    title: title[lang],
    because: because[lang],
    outcome: t(`case.outcome.${outcome}`),
    who: t(`case.waits.${waitsFor}`),
    due: dueAt === null ? null : t("case.dueBy", { date: date(dueAt) }),
  };
}

const TASK_TAGS = { open: "govuk-tag--grey", met: "govuk-tag--green", checks: "govuk-tag--blue", mend: "govuk-tag--orange" } as const;

/** One line for each section of the task list: what is missing there, and whether the applicant has to act. */
export function tasksOf(tongue: Tongue, file: CaseFile) {
  const { t } = tongue;
  const asked = criteriaOf(file.charter, file.application, file.participant);
  const { currentlyDue, eventuallyDue, pastDue } = file.requirements;
  return SECTIONS.filter((section) => asked.some((criterion) => criterion.section === section)).map((section) => {
    const inSection = (list: Requirement[]): number => list.filter((one) => one.section === section).length;
    const late =
      inSection(pastDue) + [...currentlyDue, ...eventuallyDue].filter((one) => one.section === section && one.outcome === "not_met").length;
    const status = late > 0 ? "mend" : inSection(currentlyDue) > 0 ? "open" : inSection(eventuallyDue) > 0 ? "checks" : "met";
    return {
      section,
      title: t(`case.section.${section}`),
      href: `/${tongue.lang}/organisation/${file.participant.id}/section/${section}`,
      tag: { text: t(`case.task.${status}`), classes: TASK_TAGS[status] },
    };
  });
}

/** The criteria of one section, with their questions as the form prints them. */
export function criteriaOfSection(tongue: Tongue, file: CaseFile, section: Section) {
  const open = new Map(
    Object.values(file.requirements)
      .flatMap((list) => (Array.isArray(list) ? list : []))
      .map((one) => [one.criterion, one]),
  );
  return criteriaOf(file.charter, file.application, file.participant)
    .filter((criterion) => criterion.section === section)
    .map((criterion) => criterionView(tongue, criterion, file.application, open.get(criterion.id) ?? null));
}

function criterionView(tongue: Tongue, criterion: Criterion, { answers }: Application, open: Requirement | null) {
  const { lang, t } = tongue;
  return {
    id: criterion.id,
    title: criterion.title[lang],
    statement: criterion.statement[lang],
    why: criterion.why[lang],
    check: t(`case.check.${criterion.check.kind}`),
    outcome: t(`case.outcome.${open?.outcome ?? "met"}`),
    because: open?.because[lang] ?? null,
    isMet: open === null,
    evidence: criterion.evidence && criterion.evidence.title[lang],
    questions: criterion.questions.map((question) => questionView(tongue, question, answers[question.answer])),
  };
}

function questionView({ lang, t }: Tongue, question: Question, given: Given | undefined) {
  const options =
    question.type === "yes_no"
      ? [
          { value: "yes", text: t("case.yes"), checked: given === true },
          { value: "no", text: t("case.no"), checked: given === false },
        ]
      : question.options.map(({ value, label }) => ({
          value,
          text: label[lang],
          checked: Array.isArray(given) ? given.includes(value) : given === value,
        }));
  return {
    name: question.answer,
    field: `q-${question.answer}`,
    label: question.label[lang],
    hint: question.hint?.[lang] ?? null,
    type: question.type,
    options,
    value: given === undefined || typeof given === "boolean" || Array.isArray(given) ? "" : String(given),
  };
}

/** An answer as it is read: the words of its choices, never a program's. Null where there is none. */
export function answerInWords({ lang, t, date, country }: Tongue, question: Question, given: Given | undefined | null): string | null {
  if (given === undefined || given === null || given === "") return null;
  if (typeof given === "boolean") return t(given ? "case.yes" : "case.no");
  if (question.type === "date") return date(new Date(`${String(given)}T12:00:00Z`));
  if (question.type === "country") return country(String(given));
  const wordOf = (value: string | number): string =>
    question.options.find((option) => option.value === value)?.label[lang] ?? String(value);
  return Array.isArray(given) ? given.map(wordOf).join(", ") : wordOf(given);
}

export function rowOfEvidence({ bytes, date, t, lang }: Tongue, { criteria }: Charter, one: Evidence, href: string) {
  const { certificate, validUntil } = one;
  const wanted = criteria.find(({ evidence }) => evidence?.kind === one.kind)?.evidence;
  return {
    certificate:
      certificate && validUntil
        ? t("certificates.line", { title: CERTIFICATES[certificate][lang], date: date(new Date(`${validUntil}T12:00:00Z`)) })
        : null,
    id: one.id,
    name: one.fileName,
    kind: wanted?.title[lang] ?? one.kind,
    issuer: one.issuer,
    date: date(new Date(`${one.date}T12:00:00Z`)),
    size: bytes(one.bytes),
    sha256: one.sha256,
    added: date(one.addedAt),
    href,
  };
}

export function rowOfMessage({ moment, t }: Tongue, { author, name, text, at }: Message) {
  return { who: `${name} (${t(`case.author.${author}`)})`, text, at: moment(at), iso: at.toISOString() };
}

export function linesOfDecisions({ t, lang, date }: Tongue, decisions: Decision[]) {
  return decisions.map(({ id, kind, decidedAt, level, deciders }) => ({
    iso: decidedAt.toISOString(),
    at: date(decidedAt),
    what: titleOf(t, kind, level),
    who: namesOf(t, deciders),
    href: `/${lang}/decisions/${id}`,
  }));
}

/** Offices go by their own names; checks and the operator by the words of the page. */
function namesOf(t: Tongue["t"], deciders: Decision["deciders"]): string {
  return deciders
    .map(({ name, role }) => {
      if (role === "automatic") return t("decision.automatic");
      return name === OPERATOR.name ? t("decision.operator") : name;
    })
    .join(", ");
}

function titleOf(t: Tongue["t"], kind: DecisionKind, level: Decision["level"]): string {
  return t(`decision.kind.${kind}`, { level: level ?? 0 });
}

export function viewOfDecision(tongue: Tongue, decision: Decision, participant: Participant) {
  const { t, lang, moment } = tongue;
  return {
    name: participant.name,
    what: titleOf(t, decision.kind, decision.level),
    at: moment(decision.decidedAt),
    reasons: spaced(lang, decision.reasons[lang]),
    remedy: decision.remedy && spaced(lang, decision.remedy[lang]),
    appeal: decision.appeal && spaced(lang, decision.appeal[lang]),
    deciders: namesOf(t, decision.deciders),
    charter: decision.charterVersion,
    charterHref: `/${lang}/charter/${decision.charterVersion}`,
    digest: decision.charterDigest,
    logIndex: decision.logIndex,
    effects: t("decision.effects", { ...decision.effects }),
    registerHref: `/${lang}/register/${participant.id}`,
    jsonHref: `/v1/decisions/${decision.id}`,
    proofHref: `/log/proof/${decision.logIndex}`,
  };
}
