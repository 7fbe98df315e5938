import { ownConsent } from "../../core/consent/decide-consent.ts";
import {
  ADDRESSEES,
  LONGEST_MESSAGE,
  PROBLEM_KINDS,
  type Addressee,
  type ProblemReport,
  type ReportedProblem,
} from "../../core/consent/problem-report.ts";
import { answerProblem, reportProblem } from "../../core/consent/report-problem.ts";
import type { Consent, Notice } from "../../core/consent/consent.ts";
import { asRelaisError } from "../../core/errors.ts";
import { asId } from "../../core/ids.ts";
import { operatorOf } from "../notices/handlers.ts";
import { toldRefusal } from "../refusals.ts";
import type { Tongue } from "../tongue.ts";
import { pathOf, type Answer, type FieldError, type PagesPorts, type PersonVisit } from "../visit.ts";

const MOST = 200;

/** What is wrong with one permission: whom to write to, a report that is kept and answered, and the way to the authority, always. */
export async function showProblem(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  const { tongue, personId, form, query } = visit;
  const { consent, reports } = await ports.store.read(async (r) => {
    const found = await ownConsent(r, asId("consent", visit.params["id"]), personId);
    return { consent: found, reports: await r.problems.of(found.id) };
  });
  const { t } = tongue;
  const { notice } = consent;
  const model = {
    id: consent.id,
    fromTo: t("permission.fromTo", { source: notice.source.name, destination: notice.destination.name }),
    kinds: PROBLEM_KINDS.map((value) => ({ value, text: t(`report.kind.${value}`), checked: form.one("kind") === value })),
    addressees: ADDRESSEES.map((value) => ({ value, text: nameOf(tongue, notice, value), checked: form.one("addressee") === value })),
    message: form.one("message"),
    most: LONGEST_MESSAGE,
    contacts: [notice.source, notice.destination].map(({ name, privacyContact }) => ({ name, contact: privacyContact })),
    reports: reports.map((report) => rowOfReport(tongue, { report, consent })),
    news: query.one("news") === "sent" ? t("report.sent") : null,
    errors,
  };
  return { kind: "page", template: "report-problem", title: t("report.title"), model, status: errors.length > 0 ? 422 : 200 };
}

function nameOf({ t }: Tongue, { source, destination }: Notice, addressee: Addressee): string {
  if (addressee === "operator") return t("report.operator");
  return addressee === "source" ? source.name : destination.name;
}

export function rowOfReport(tongue: Tongue, { report, consent }: { report: ProblemReport; consent: Consent }) {
  const { t, moment } = tongue;
  return {
    id: report.id,
    consentId: consent.id,
    what: t(`report.kind.${report.kind}`),
    to: t("report.to", { name: nameOf(tongue, consent.notice, report.addressee) }),
    fromTo: t("permission.fromTo", { source: consent.notice.source.name, destination: consent.notice.destination.name }),
    message: report.message,
    at: moment(report.createdAt),
    iso: report.createdAt.toISOString(),
    state:
      report.answeredAt === null
        ? { text: t("report.state.open"), classes: "govuk-tag--yellow" }
        : { text: t("report.state.answered"), classes: "govuk-tag--green" },
    answer: report.answer,
    answered: report.answeredAt && t("report.answered", { name: report.answeredBy ?? "", at: moment(report.answeredAt) }),
  };
}

export async function sendProblem(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { form, tongue, personId } = visit;
  const consentId = asId("consent", visit.params["id"]);
  const missing = (["kind", "addressee"] as const).filter((field) => form.one(field) === "");
  if (missing.length > 0)
    return showProblem(
      ports,
      visit,
      missing.map((field) => ({ field, text: tongue.t(`report.error.${field}`) })),
    );
  try {
    await reportProblem(
      { ...ports, sendsMail: (ports.mail ?? null) !== null },
      {
        consentId,
        personId,
        kind: form.one("kind"),
        addressee: form.one("addressee"),
        message: form.one("message"),
      },
    );
    return { kind: "redirect", to: pathOf(visit, `/permissions/${consentId}/problem?news=sent`) };
  } catch (error) {
    return showProblem(ports, visit, [told(visit, error, "message")]);
  }
}

export function told({ tongue }: PersonVisit, error: unknown, field: string): FieldError {
  const { code, message } = asRelaisError(error);
  if (code !== "invalid" && code !== "conflict" && code !== "rate_limited") throw error;
  return { field, text: toldRefusal(tongue, message) };
}

/** All of them, for the operator's office. */
export async function showProblems(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  await operatorOf(ports, visit);
  const list: ReportedProblem[] = await ports.store.read((r) => r.problems.list({ limit: MOST }));
  const model = { reports: list.map((one) => rowOfReport(visit.tongue, one)), action: pathOf(visit, "/operator/problems"), errors };
  return { kind: "page", template: "problems-reported", title: visit.tongue.t("report.all"), model, status: errors.length > 0 ? 422 : 200 };
}

export async function answerAsOperator(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { name } = await operatorOf(ports, visit);
  const id = asId("problem", visit.params["problem"]);
  try {
    await answerProblem(ports, { kind: "operator", name }, { id, answer: visit.form.one("answer") });
    return { kind: "redirect", to: pathOf(visit, "/operator/problems") };
  } catch (error) {
    return showProblems(ports, visit, [told(visit, error, `answer-${id}`)]);
  }
}
