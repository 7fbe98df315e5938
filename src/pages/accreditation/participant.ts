import { asRelaisError, RelaisError } from "../../core/errors.ts";
import { newId, type ParticipantId } from "../../core/ids.ts";
import { CERTIFICATES } from "../../core/policy/certificates.ts";
import { addEvidence, readEvidence, removeEvidence } from "../../core/register/add-evidence.ts";
import { answerQuestions } from "../../core/register/answer-questions.ts";
import type { ApplicationId } from "../../core/register/application.ts";
import { EDITABLE } from "../../core/register/application.ts";
import { SECTIONS, type Question, type Section } from "../../core/register/charter.ts";
import { acceptInvitation } from "../../core/register/join-register.ts";
import { sendMessage } from "../../core/register/messages.ts";
import { openApplication } from "../../core/register/open-application.ts";
import type { Participant } from "../../core/register/participant.ts";
import { readCase, type CaseFile } from "../../core/register/read-case.ts";
import type { RegisterCaller } from "../../core/register/register-caller.ts";
import { criteriaOf } from "../../core/register/requirements.ts";
import { signCharter } from "../../core/register/sign-charter.ts";
import { reopenApplication, submitApplication, withdrawApplication } from "../../core/register/submit-application.ts";
import { asId } from "../../core/ids.ts";
import { toldRefusal } from "../refusals.ts";
import { pathOf, type Answer, type FieldError, type Form, type PagesPorts, type PersonVisit } from "../visit.ts";
import { readLife, viewOfLife } from "../life/organisation.ts";
import { findStaff, memberOf } from "./caller.ts";
import { criteriaOfSection, linesOfDecisions, rowOfEvidence, rowOfMessage, rowOfRequirement, tagOf, tasksOf } from "./view.ts";

/** The organisations that a person acts for, and how to begin. */
export async function organisations(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue, personId } = visit;
  const rows = await ports.store.read(async (r) =>
    Promise.all(
      (await r.accreditations.memberships(personId)).map(async ({ participantId }) => {
        const { id, name } = await r.participants.get(participantId);
        const [newest] = await r.accreditations.applicationsOf(id);
        return { name, href: pathOf(visit, `/organisation/${id}`), tag: newest ? tagOf(tongue, newest.state) : null };
      }),
    ),
  );
  const office = (await findStaff(ports, personId))?.office ?? null;
  return { kind: "page", template: "organisations", title: tongue.t("case.mine"), model: { rows, office } };
}

/** Shows what accepting means; the word stays in the address until the button is pressed. */
export function showInvitation(_ports: PagesPorts, visit: PersonVisit): Answer {
  const word = visit.query.one("word");
  return { kind: "page", template: "invitation", title: visit.tongue.t("invitation.title"), model: { word } };
}

export async function takeInvitation(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const id = await acceptInvitation(ports, { personId: visit.personId, token: visit.form.one("word") });
  return { kind: "redirect", to: pathOf(visit, `/organisation/${id}`) };
}

interface Mine {
  caller: RegisterCaller;
  participantId: ParticipantId;
  /** The newest application; null where there is none yet. */
  file: CaseFile | null;
}

async function readMine(ports: PagesPorts, visit: PersonVisit): Promise<Mine> {
  const caller = await memberOf(ports, visit);
  const file = await ports.store.read(async (r) => {
    const [newest] = await r.accreditations.applicationsOf(caller.participantId);
    return newest ? readCase(r, ports.charters, caller, newest.id, ports.clock.now()) : null;
  });
  return { caller, participantId: caller.participantId, file };
}

/** @throws RelaisError `not_found` where there is no application yet. */
async function readFile(ports: PagesPorts, visit: PersonVisit): Promise<Mine & { file: CaseFile; applicationId: ApplicationId }> {
  const mine = await readMine(ports, visit);
  if (mine.file === null)
    throw new RelaisError("not_found", "There is no application yet. Begin one on the page of your organisation.", { actor: "person" });
  return { ...mine, file: mine.file, applicationId: mine.file.application.id };
}

/** The page of one's own participant: what is due, the task list, checks, messages, decisions. */
export async function organisation(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  const { tongue } = visit;
  const { participantId, file } = await readMine(ports, visit);
  const now = ports.clock.now();
  const { participant, decisions, messages, life } = await ports.store.read(async (r) => ({
    participant: await r.participants.get(participantId),
    decisions: await r.accreditations.decisions({ participantId, limit: 20 }),
    messages: file ? await r.accreditations.messages(file.application.id) : [],
    life: await readLife(r, participantId, now),
  }));
  const model = {
    ...(file ? modelOfFile(visit, file) : { file: null }),
    id: participantId,
    name: participant.name,
    publicHref: pathOf(visit, `/register/${participantId}`),
    doors: doorsOf(visit, participant),
    messages: messages.map((one) => rowOfMessage(tongue, one)),
    decisions: linesOfDecisions(tongue, decisions),
    life: viewOfLife(tongue, life, ports.charters, now),
    errors,
  };
  return { kind: "page", template: "organisation", title: participant.name, model, status: errors.length > 0 ? 422 : 200 };
}

/** What a holder does beside its accreditation, and what a platform does towards holders. */
function doorsOf(visit: PersonVisit, { id, roles }: Participant) {
  const { t } = visit.tongue;
  const at = (page: string): string => pathOf(visit, `/organisation/${id}/${page}`);
  return [
    ...(roles.includes("holder")
      ? [
          { text: t("holder.conditions.title"), href: at("conditions") },
          { text: t("holder.platforms.title"), href: at("platforms") },
        ]
      : []),
    ...(roles.includes("platform")
      ? [
          { text: t("meetings.title"), href: at("holders") },
          { text: t("certificates.title"), href: at("certificates") },
        ]
      : []),
  ];
}

function modelOfFile({ tongue }: PersonVisit, file: CaseFile) {
  const { application, requirements } = file;
  const rows = (list: CaseFile["requirements"]["pastDue"]) => list.map((one) => rowOfRequirement(tongue, one));
  return {
    file: true,
    state: tagOf(tongue, application.state),
    level: application.level,
    charter: application.charterVersion,
    tasks: tasksOf(tongue, file),
    pastDue: rows(requirements.pastDue),
    currentlyDue: rows(requirements.currentlyDue),
    eventuallyDue: rows(requirements.eventuallyDue),
    deadline: requirements.deadline && tongue.date(requirements.deadline),
    until: application.until && tongue.date(application.until),
    isEditable: EDITABLE.includes(application.state),
    isSigned: file.signed,
    maySubmit: EDITABLE.includes(application.state) && requirements.currentlyDue.length === 0,
    mayReopen: application.state === "withdrawn" || application.state === "expired",
    mayBegin: ["accredited", "reinstated", "refused"].includes(application.state),
  };
}

export async function beginApplication(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const caller = await memberOf(ports, visit);
  await openApplication(ports, caller, visit.form.one("level") === "2" ? 2 : 1);
  return home(visit);
}

function home(visit: PersonVisit): Answer {
  return { kind: "redirect", to: pathOf(visit, `/organisation/${visit.params["id"]}`) };
}

function sectionOf({ params }: PersonVisit): Section {
  const section = SECTIONS.find((known) => known === params["section"]);
  if (section === undefined) throw new RelaisError("not_found", "There is no such section.");
  return section;
}

export async function showSection(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  const { file } = await readFile(ports, visit);
  const section = sectionOf(visit);
  const model = {
    id: file.participant.id,
    part: section,
    criteria: criteriaOfSection(visit.tongue, file, section),
    isEditable: EDITABLE.includes(file.application.state),
    evidence: file.evidence.map((one) =>
      rowOfEvidence(visit.tongue, file.charter, one, pathOf(visit, `/organisation/${file.participant.id}/evidence/${one.id}`)),
    ),
    isCharter: section === "charter",
    isSigned: file.signed,
    digest: file.charter.digest,
    text: file.charter.text[visit.tongue.lang],
    label: file.charter.label[visit.tongue.lang],
    errors,
  };
  return {
    kind: "page",
    template: "organisation-section",
    title: visit.tongue.t(`case.section.${section}`),
    model,
    status: errors.length > 0 ? 422 : 200,
  };
}

export async function saveSection(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { caller, file, applicationId } = await readFile(ports, visit);
  const section = sectionOf(visit);
  const questions = criteriaOf(file.charter, file.application, file.participant)
    .filter((criterion) => criterion.section === section)
    .flatMap((criterion) => criterion.questions);
  try {
    await answerQuestions(ports, caller, applicationId, answersIn(visit.form, questions));
    if (section === "charter" && visit.form.one("sign") === "yes")
      await signCharter(ports, caller, applicationId, { digest: visit.form.one("digest"), signer: visit.form.one("signer") || "-" });
    return home(visit);
  } catch (error) {
    return showSection(ports, visit, [toldAs(visit, error, `q-${questions[0]?.answer ?? ""}`)]);
  }
}

/** What was sent for each question, in the form of its answer; an empty field takes the answer back. */
function answersIn(form: Form, questions: Question[]): Record<string, unknown> {
  return Object.fromEntries(questions.map((question) => [question.answer, answerIn(form, question)]));
}

function answerIn(form: Form, { answer, type }: Question): unknown {
  const given = form.one(answer);
  if (type === "choices") return form.all(answer).length === 0 ? null : form.all(answer);
  if (given === "") return null;
  if (type === "yes_no") return given === "yes";
  return type === "number" ? Number(given.replace(",", ".")) : given;
}

/** A refusal that the applicant can mend is shown at the form; everything else is a problem page. */
function toldAs({ tongue }: PersonVisit, error: unknown, field: string): FieldError {
  const { code, message } = asRelaisError(error);
  if (!["invalid", "conflict", "unsupported", "too_large", "digest_mismatch"].includes(code)) throw error;
  return { field, text: toldRefusal(tongue, message) };
}

const STEPS = { submit: submitApplication, withdraw: withdrawApplication, reopen: reopenApplication };

export function stepOf(name: keyof typeof STEPS) {
  return async (ports: PagesPorts, visit: PersonVisit): Promise<Answer> => {
    const { caller, applicationId } = await readFile(ports, visit);
    try {
      await STEPS[name](ports, caller, applicationId);
      return home(visit);
    } catch (error) {
      return organisation(ports, visit, [toldAs(visit, error, "tasks")]);
    }
  };
}

export async function writeMessage(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { caller, applicationId } = await readFile(ports, visit);
  try {
    await sendMessage(ports, caller, applicationId, visit.form.one("text"));
    return home(visit);
  } catch (error) {
    return organisation(ports, visit, [toldAs(visit, error, "text")]);
  }
}

/** The file comes by a form of several parts (`pages.ts` reads it, at most 10 MiB). */
export async function uploadEvidence(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { caller, applicationId } = await readFile(ports, visit);
  const { form, file } = visit;
  try {
    if (file === null) throw new RelaisError("invalid", "Choose a file.", { actor: "person" });
    if (!/^\d{4}-\d{2}-\d{2}$/.test(form.one("date")) || form.one("issuer") === "")
      throw new RelaisError("invalid", "Say who issued the document, and its date.", { actor: "person" });
    await addEvidence(ports, caller, applicationId, {
      kind: form.one("kind"),
      fileName: file.name,
      date: form.one("date"),
      issuer: form.one("issuer"),
      certificate: form.one("certificate") || null,
      validUntil: form.one("validUntil") || null,
      sha256: null,
      content: file.content,
    });
    return { kind: "redirect", to: pathOf(visit, `/organisation/${visit.params["id"]}/evidence`) };
  } catch (error) {
    return showEvidence(ports, visit, [toldAs(visit, error, "file")]);
  }
}

export async function showEvidence(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  const { tongue } = visit;
  const { file } = await readFile(ports, visit);
  const wanted = criteriaOf(file.charter, file.application, file.participant).flatMap((criterion) => criterion.evidence ?? []);
  const model = {
    id: file.participant.id,
    evidence: file.evidence.map((one) =>
      rowOfEvidence(tongue, file.charter, one, pathOf(visit, `/organisation/${file.participant.id}/evidence/${one.id}`)),
    ),
    kinds: wanted.map(({ kind, title }) => ({ value: kind, text: title[tongue.lang] })),
    isEditable: EDITABLE.includes(file.application.state),
    certificates: [...new Set(wanted.flatMap(({ certificates = [] }) => certificates))].map((value) => ({
      value,
      text: CERTIFICATES[value][tongue.lang],
    })),
    given: { date: visit.form.one("date"), issuer: visit.form.one("issuer"), validUntil: visit.form.one("validUntil") },
    errors,
  };
  return {
    kind: "page",
    template: "organisation-evidence",
    title: tongue.t("evidence.title"),
    model,
    status: errors.length > 0 ? 422 : 200,
  };
}

export async function downloadEvidence(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const caller = await memberOf(ports, visit);
  return evidenceFile(await readEvidence(ports, caller, asId("evidence", visit.params["evidence"])));
}

/** Always a download, of no type that a browser would run. */
export function evidenceFile({ id, mediaType, content }: { id: string; mediaType: string; content: Uint8Array }): Answer {
  const ending = { "application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg" }[mediaType] ?? "bin";
  return { kind: "file", name: `${id}.${ending}`, type: "application/octet-stream", body: content };
}

export async function dropEvidence(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { caller } = await readFile(ports, visit);
  await removeEvidence(ports, caller, asId("evidence", visit.params["evidence"]));
  return { kind: "redirect", to: pathOf(visit, `/organisation/${visit.params["id"]}/evidence`) };
}

/** Automatic checks, each with how to repeat it. */
export async function showChecks(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue } = visit;
  const { participantId } = await memberOf(ports, visit);
  const { run, probes } = await ports.store.read(async (r) => ({
    run: await r.accreditations.findRun(participantId),
    probes: await r.accreditations.probes(participantId),
  }));
  const rows = probes.map(({ probe, outcome, title, detail, reproduce, startedAt }) => ({
    probe,
    outcome: tongue.t(`checks.${outcome}`),
    classes: { passed: "govuk-tag--green", failed: "govuk-tag--red", not_run: "govuk-tag--grey" }[outcome],
    title: title[tongue.lang],
    detail: detail[tongue.lang],
    reproduce,
    at: tongue.moment(startedAt),
  }));
  const isRunning = run !== null && run.concludedAt === null;
  return { kind: "page", template: "organisation-checks", title: tongue.t("checks.title"), model: { id: participantId, rows, isRunning } };
}

export async function askForChecks(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { participantId } = await memberOf(ports, visit);
  await ports.store.write(async (w) => {
    const application = (await w.accreditations.findOpen(participantId)) ?? (await w.accreditations.findGiven(participantId));
    const at = ports.clock.now();
    await w.cases.addRun({
      id: newId("probeRun"),
      participantId,
      applicationId: application?.id ?? null,
      round: application?.round ?? null,
      askedAt: at,
    });
  });
  return { kind: "redirect", to: pathOf(visit, `/organisation/${participantId}/checks`) };
}
