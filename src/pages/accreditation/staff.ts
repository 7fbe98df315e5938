import { RelaisError } from "../../core/errors.ts";
import { asId, type ParticipantId } from "../../core/ids.ts";
import { readEvidence } from "../../core/register/add-evidence.ts";
import type { Proposal, Review } from "../../core/register/application.ts";
import type { Reader } from "../../core/ports.ts";
import type { Question } from "../../core/register/charter.ts";
import { isForAccreditors } from "../../core/register/conclude-checks.ts";
import { sendMessage } from "../../core/register/messages.ts";
import { readKeys } from "../../core/register/confirm-keys.ts";
import { readCase, type CaseFile } from "../../core/register/read-case.ts";
import { accreditorName } from "../../core/register/register-caller.ts";
import { criteriaOf } from "../../core/register/requirements.ts";
import {
  ACCREDITORS_NEEDED,
  changeStandingByAccreditor,
  possibleActs,
  previewSuspension,
  reviewApplication,
} from "../../core/register/review-application.ts";
import type { Tongue } from "../tongue.ts";
import { rowOfClaim } from "../holder/certificates.ts";
import { readRestrictionRows } from "../holder/restrictions.ts";
import { pathOf, type Answer, type FieldError, type PagesPorts, type PersonVisit } from "../visit.ts";
import { staffOf } from "./caller.ts";
import { keysModel, questionsOf } from "./keys-view.ts";
import { proposalsThatWait, rowsOfProposals } from "./proposals.ts";
import { evidenceFile } from "./participant.ts";
import { givenReasons, reasonsIn, remedyIn, toldAs } from "./reasons.ts";
import { answerInWords, linesOfDecisions, rowOfEvidence, rowOfMessage, tagOf } from "./view.ts";

const WAITING = ["in_review", "submitted", "checking", "changes_requested"] as const;
const MOST = 200;
/** Certificates and restrictions on the page of what waits. */
const NEWEST = 20;

/** What waits, the longest first. */
export async function queue(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue } = visit;
  const caller = await staffOf(ports, visit);
  const now = ports.clock.now();
  const { rows, asked, questions, claims, restrictions } = await ports.store.read(async (r) => ({
    rows: await rowsOfQueue(r, visit, now),
    asked: await proposalsThatWait(r, visit, MOST),
    questions: await questionsOf(r, visit, MOST),
    claims: await Promise.all((await r.certificates.waiting(NEWEST)).map((claim) => rowOfClaim(r, tongue, claim))),
    restrictions: await readRestrictionRows(r, tongue, { limit: NEWEST }),
  }));
  return {
    kind: "page",
    template: "review-queue",
    title: tongue.t("queue.title"),
    model: { rows, asked, questions, claims, restrictions, isReadOnly: caller.kind === "authority" },
  };
}

async function rowsOfQueue(r: Reader, visit: PersonVisit, now: Date) {
  const { tongue } = visit;
  const applications = await r.accreditations.queue(WAITING, MOST);
  const names = await r.participants.names([...new Set(applications.map(({ participantId }) => participantId))]);
  const reminded = await r.reminders.waitingForReview();
  return applications.map((application) => ({
    name: names.get(application.participantId) ?? application.participantId,
    href: pathOf(visit, `/accreditation/applications/${application.id}`),
    level: application.level,
    tag: tagOf(tongue, application.state),
    age: tongue.t("queue.days", { days: Math.floor((now.getTime() - application.changedAt.getTime()) / 86_400_000) }),
    late: reminded.includes(application.id),
  }));
}

/** One page per application: criteria with answers and automatic results, evidence, what changed, reviews, messages, the decision. */
export async function reviewPage(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  const { tongue } = visit;
  const { lang, t } = tongue;
  const caller = await staffOf(ports, visit);
  const id = asId("application", visit.params["id"]);
  const { file, reviews, messages, probes, decisions, organisation } = await ports.store.read(async (r) => {
    const found = await readCase(r, ports.charters, caller, id, ports.clock.now());
    return {
      file: found,
      reviews: await r.accreditations.reviews(id, found.application.round),
      messages: await r.accreditations.messages(id),
      probes: await r.accreditations.probes(found.participant.id),
      decisions: await r.accreditations.decisions({ participantId: found.participant.id, limit: 20 }),
      organisation: await r.accreditations.findOrganisationOf(found.participant.id),
    };
  });
  const { application, participant } = file;
  const sentBackAt = decisions.find(({ kind, applicationId }) => kind === "request_changes" && applicationId === id)?.decidedAt ?? null;
  const model = {
    id,
    round: application.round,
    name: participant.name,
    organisation: organisation?.name ?? null,
    state: tagOf(tongue, application.state),
    level: application.level,
    charter: application.charterVersion,
    isReadOnly: caller.kind !== "accreditor",
    isOpen: application.state === "in_review",
    criteria: criteriaRows(tongue, file),
    evidence: file.evidence.map((one) => ({
      ...rowOfEvidence(tongue, file.charter, one, pathOf(visit, `/accreditation/evidence/${one.id}`)),
      isNew: sentBackAt !== null && one.addedAt > sentBackAt,
    })),
    probes: probes.map(({ probe, outcome, detail, reproduce }) => ({
      probe,
      outcome: t(`checks.${outcome}`),
      detail: detail[lang],
      reproduce,
    })),
    reviews: reviews.map((one) => ({ who: one.reviewer, what: t(`review.verdict.${one.verdict}`), reasons: one.reasons[lang] })),
    messages: messages.map((one) => rowOfMessage(tongue, one)),
    decisions: linesOfDecisions(tongue, decisions),
    publicHref: pathOf(visit, `/register/${participant.id}`),
    given: givenReasons(visit),
    standingHref: pathOf(visit, `/accreditation/participants/${participant.id}`),
    errors,
  };
  return { kind: "page", template: "review-case", title: participant.name, model, status: errors.length > 0 ? 422 : 200 };
}

/** Each criterion with what was answered, what it was before, and what the checks say. */
function criteriaRows(tongue: Tongue, { application, participant, charter, requirements, changedAnswers }: CaseFile) {
  const { t, lang } = tongue;
  const open = new Map(
    [...requirements.pastDue, ...requirements.currentlyDue, ...requirements.eventuallyDue].map((one) => [one.criterion, one]),
  );
  const nothing = t("review.noAnswer");
  const before = (question: Question): string | null =>
    changedAnswers.includes(question.answer)
      ? (answerInWords(tongue, question, application.submittedAnswers?.[question.answer]) ?? nothing)
      : null;
  return criteriaOf(charter, application, participant).map((criterion) => ({
    id: criterion.id,
    title: criterion.title[lang],
    statement: criterion.statement[lang],
    check: t(`case.check.${criterion.check.kind}`),
    outcome: t(`case.outcome.${open.get(criterion.id)?.outcome ?? "met"}`),
    isMet: !open.has(criterion.id),
    because: open.get(criterion.id)?.because[lang] ?? null,
    isForPeople: isForAccreditors(criterion),
    answers: criterion.questions.map((question) => ({
      label: question.label[lang],
      value: answerInWords(tongue, question, application.answers[question.answer]) ?? nothing,
      before: before(question),
    })),
  }));
}

function here(visit: PersonVisit): Answer {
  return { kind: "redirect", to: pathOf(visit, `/accreditation/applications/${visit.params["id"]}`) };
}

const VERDICTS = ["accredit", "refuse", "request_changes"] as const satisfies readonly Review["verdict"][];

export async function giveReview(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const caller = await staffOf(ports, visit);
  const { form, tongue } = visit;
  const verdict = VERDICTS.find((known) => known === form.one("verdict"));
  try {
    if (verdict === undefined) throw new RelaisError("invalid", tongue.t("review.error.verdict"));
    await reviewApplication(ports, caller, {
      applicationId: asId("application", visit.params["id"]),
      round: Number(form.one("round")),
      verdict,
      withoutConflict: form.one("withoutConflict") === "yes",
      met: form.all("met"),
      reasons: reasonsIn(visit),
      remedy: remedyIn(visit),
    });
    return here(visit);
  } catch (error) {
    return reviewPage(ports, visit, [toldAs(visit, error, "verdict")]);
  }
}

export async function answerApplicant(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const caller = await staffOf(ports, visit);
  try {
    await sendMessage(ports, caller, asId("application", visit.params["id"]), visit.form.one("text"));
    return here(visit);
  } catch (error) {
    return reviewPage(ports, visit, [toldAs(visit, error, "text")]);
  }
}

export async function staffEvidence(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  return evidenceFile(await readEvidence(ports, await staffOf(ports, visit), asId("evidence", visit.params["id"])));
}

/** Of so many notices so many are shown: what was given up first, because somebody has to act, then the newest. */
const TOLD = { read: 2000, shown: 50 };

const KINDS = Object.keys(ACCREDITORS_NEEDED) as Proposal["kind"][];

/** What may be decided about a participant now, and what it would stop. */
export async function standingPage(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  const { tongue } = visit;
  const caller = await staffOf(ports, visit);
  const id: ParticipantId = asId("participant", visit.params["id"]);
  const preview = await previewSuspension(ports, caller, id);
  const { participant, proposals, decisions, told, organisation, keys, restrictions } = await ports.store.read(async (r) => ({
    keys: await readKeys(r, id),
    participant: await r.participants.get(id),
    organisation: await r.accreditations.findOrganisationOf(id),
    proposals: await r.accreditations.proposals(id),
    decisions: await r.accreditations.decisions({ participantId: id, limit: 50 }),
    told: await r.outbox.about(id, TOLD.read),
    restrictions: await readRestrictionRows(r, tongue, { platformId: id, limit: MOST }),
  }));
  const model = {
    id,
    name: participant.name,
    status: tongue.t(`register.status.${participant.status}`),
    preview: participant.status === "accredited" ? tongue.t("standing.preview", { ...preview }) : null,
    waiting: tongue.t("standing.waiting", { count: told.filter(({ acknowledgedAt }) => acknowledgedAt === null).length }),
    told: shownOf(told).map(({ id: notice, recipientName, type, attempts, acknowledgedAt, givenUpAt, lastFailure }) => ({
      retryHref: givenUpAt && !acknowledgedAt ? pathOf(visit, `/accreditation/participants/${id}/notices/${notice}`) : null,
      attempts: tongue.t("notice.attempts", { attempts }),
      name: recipientName,
      what: tongue.t(`standing.event.${type}`),
      state: acknowledgedAt
        ? tongue.t("standing.acknowledged", { at: tongue.moment(acknowledgedAt) })
        : tongue.t(givenUpAt ? "standing.givenUp" : "standing.onItsWay"),
      failure: acknowledgedAt ? null : lastFailure,
    })),
    kinds: possibleActs(participant.status).map((kind) => ({
      value: kind,
      text: tongue.t(`standing.kind.${kind}`),
      hint: tongue.t("standing.needs", { count: ACCREDITORS_NEEDED[kind] }),
    })),
    proposals: rowsOfProposals(tongue, proposals),
    organisation: organisation && { name: organisation.name, href: pathOf(visit, `/accreditation/organisations/${organisation.id}`) },
    isReadOnly: caller.kind !== "accreditor",
    given: givenReasons(visit),
    restrictions,
    decisions: linesOfDecisions(tongue, decisions),
    keys: keysModel(tongue, keys),
    errors,
  };
  return { kind: "page", template: "standing", title: participant.name, model, status: errors.length > 0 ? 422 : 200 };
}

function shownOf<T extends { acknowledgedAt: Date | null; givenUpAt: Date | null }>(told: T[]): T[] {
  const isDead = ({ acknowledgedAt, givenUpAt }: T): number => (givenUpAt !== null && acknowledgedAt === null ? 0 : 1);
  return told.toSorted((a, b) => isDead(a) - isDead(b)).slice(0, TOLD.shown);
}

export async function decideStanding(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const caller = await staffOf(ports, visit);
  const kind = KINDS.find((known) => known === visit.form.one("kind"));
  try {
    if (kind === undefined) throw new RelaisError("invalid", visit.tongue.t("review.error.verdict"));
    const participantId = asId("participant", visit.params["id"]);
    await changeStandingByAccreditor(ports, caller, { participantId, kind, reasons: reasonsIn(visit), remedy: remedyIn(visit) });
    return { kind: "redirect", to: pathOf(visit, `/accreditation/participants/${participantId}`) };
  } catch (error) {
    return standingPage(ports, visit, [toldAs(visit, error, "kind")]);
  }
}

/** A notice that was given up goes on its way again. One that is on its way already needs nothing. */
export async function sendAgain(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  accreditorName(await staffOf(ports, visit));
  await ports.store.write((w) => w.notices.retry(asId("event", visit.params["notice"]), ports.clock.now()));
  return { kind: "redirect", to: pathOf(visit, `/accreditation/participants/${asId("participant", visit.params["id"])}`) };
}

const RESTRICTIONS_PAGE = 50;

/** The authority's own page: what holders restrict, decisions, and what it looked at itself. */
export async function authorityPage(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue } = visit;
  const caller = await staffOf(ports, visit);
  if (caller.kind !== "authority") throw new RelaisError("not_found", "There is nothing at this address for you.", { actor: "operator" });
  const before = /^\d{1,15}$/.test(visit.query.one("before")) ? { before: Number(visit.query.one("before")) } : {};
  const { decisions, views, restrictions } = await ports.store.read(async (r) => ({
    restrictions: await readRestrictionRows(r, tongue, { ...before, limit: RESTRICTIONS_PAGE }),
    decisions: await r.accreditations.decisions({ limit: 100 }),
    views: await r.accreditations.authorityViews(50),
  }));
  const last = restrictions.length === RESTRICTIONS_PAGE ? restrictions.at(-1) : undefined;
  const model = {
    restrictions,
    moreHref: last ? pathOf(visit, `/authority?before=${last.logIndex}`) : null,
    decisions: linesOfDecisions(tongue, decisions),
    views: views.map(({ viewer, what, at }) => ({ at: tongue.moment(at), iso: at.toISOString(), what, who: viewer })),
  };
  return { kind: "page", template: "authority", title: tongue.t("authority.title"), model };
}
