import { stateAt } from "../../core/consent/consent.ts";
import { listConsentsOf, type SharedConsent } from "../../core/consent/consents-of-participant.ts";
import { answerProblem } from "../../core/consent/report-problem.ts";
import { asId } from "../../core/ids.ts";
import { memberOf } from "../accreditation/caller.ts";
import { lastDayOf } from "../permissions/facts.ts";
import { TAGS } from "../permissions/view.ts";
import { rowOfReport, told } from "../reports/handlers.ts";
import type { Tongue } from "../tongue.ts";
import { pathOf, type Answer, type FieldError, type PagesPorts, type PersonVisit } from "../visit.ts";

const PAGE = 50;
const MOST_REPORTS = 50;

/** For who acts for a participant: its requests and what became of them, and what people say is wrong. Nothing says who they are. */
export async function showRequests(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  const { tongue, query } = visit;
  const { participantId, name } = await memberOf(ports, visit);
  const cursor = query.one("after") || undefined;
  const { consents, next } = await listConsentsOf(ports, { participantId, cursor, limit: PAGE });
  const reports = await ports.store.read((r) => r.problems.list({ participantId, limit: MOST_REPORTS }));
  const here = pathOf(visit, `/organisation/${participantId}/requests`);
  const now = ports.clock.now();
  const model = {
    id: participantId,
    name,
    rows: consents.map((one) => rowOfShared(tongue, one, now)),
    nextHref: next && `${here}?${new URLSearchParams({ after: next })}`,
    reports: reports.map((one) => rowOfReport(tongue, one)),
    action: `${here}/problems`,
    errors,
  };
  return { kind: "page", template: "requests", title: tongue.t("requests.title"), model, status: errors.length > 0 ? 422 : 200 };
}

function rowOfShared(tongue: Tongue, { consent, parts }: SharedConsent, now: Date) {
  const { t, moment } = tongue;
  const { notice, createdAt } = consent;
  const state = stateAt(consent, now);
  return {
    id: consent.id,
    fromTo: t("permission.fromTo", { source: notice.source.name, destination: notice.destination.name }),
    parts: parts.map((part) => t(`requests.part.${part}`)).join(", "),
    // What was asked for and not allowed is between the person and whoever asked.
    datasets: parts.includes("requester")
      ? t("requests.counts", { allowed: consent.datasets.length, asked: notice.datasets.length })
      : t("permission.count", { count: consent.datasets.length }),
    state: { text: t(`requests.state.${state}`), classes: TAGS[state] },
    reason: reasonOf(tongue, consent),
    asked: moment(createdAt),
    iso: createdAt.toISOString(),
    until: lastDayOf(tongue, notice),
  };
}

/** The state says itself what the person did. */
function reasonOf({ t }: Tongue, { endedBecause, endedBy }: SharedConsent["consent"]): string | null {
  if (endedBecause) return t(`requests.because.${endedBecause.kind}`);
  return endedBy === null || endedBy === "person" ? null : t("requests.by", { who: t(`requests.actor.${endedBy}`) });
}

export async function answerAsMember(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const caller = await memberOf(ports, visit);
  const id = asId("problem", visit.params["problem"]);
  try {
    await answerProblem(ports, caller, { id, answer: visit.form.one("answer") });
    return { kind: "redirect", to: pathOf(visit, `/organisation/${caller.participantId}/requests`) };
  } catch (error) {
    return showRequests(ports, visit, [told(visit, error, `answer-${id}`)]);
  }
}
