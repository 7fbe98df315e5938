import { RelaisError } from "../../core/errors.ts";
import { asId } from "../../core/ids.ts";
import { CERTIFICATES } from "../../core/policy/certificates.ts";
import { versionOf } from "../../core/policy/change-conditions.ts";
import { ACCESS_STATES, REVIEW_DECISIONS, type AccessState, type HolderReview } from "../../core/policy/conditions.ts";
import { readMatrixOf, readMatrixPage, readMatrixRow, type MatrixRow } from "../../core/policy/read-matrix.ts";
import { REASONS } from "../../core/policy/reasons.ts";
import { recordReview } from "../../core/policy/record-review.ts";
import { summarizeEvidence, type EvidenceSummary } from "../../core/register/evidence-summary.ts";
import type { Participant } from "../../core/register/participant.ts";
import { memberOf } from "../accreditation/caller.ts";
import { badgeOf } from "../register/view.ts";
import type { Tongue } from "../tongue.ts";
import { pathOf, type Answer, type FieldError, type PagesPorts, type PersonVisit } from "../visit.ts";
import { changeFromForm, toldAs } from "./change.ts";
import { readHolder, scopesOf } from "./conditions.ts";
import { rowOfMeeting } from "./meetings.ts";

const PAGE = 50;
const MOST_MEETINGS = 50;

/** Colour and words always come together. */
const STATE_TAGS = {
  open: "govuk-tag--green",
  test: "govuk-tag--blue",
  in_discussion: "govuk-tag--orange",
  closed: "govuk-tag--red",
} as const satisfies Record<AccessState, string>;

export function tagOfState({ t }: Tongue, state: AccessState) {
  return { text: t(`holder.state.${state}`), classes: STATE_TAGS[state] };
}

/** The matrix: the holder against every platform, by name, in pages. */
export async function showPlatforms(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue, query } = visit;
  const { holder } = await readHolder(ports, visit);
  const name = query.one("name").slice(0, 100);
  const after = query.one("after") === "" ? {} : { after: { name: query.one("after"), id: query.one("at") } };
  const now = ports.clock.now();
  const { rows, waiting } = await ports.store.read(async (r) => {
    const matrix = await readMatrixOf(r, ports.policy, holder.id, now);
    const meetings = await r.meetings.list({ holderId: holder.id, limit: MOST_MEETINGS });
    const open = meetings.filter(({ answeredAt }) => answeredAt === null);
    const names = await r.participants.names(open.map(({ platformId }) => platformId));
    return {
      rows: await readMatrixPage(r, matrix, { ...(name ? { name } : {}), ...after, limit: PAGE + 1 }),
      waiting: open.map((one) => ({ name: names.get(one.platformId) ?? one.platformId, href: platformHref(visit, one.platformId) })),
    };
  });
  const shown = rows.slice(0, PAGE);
  const last = rows.length > PAGE ? shown.at(-1)?.platform.participant : undefined;
  const here = pathOf(visit, `/organisation/${holder.id}/platforms`);
  const nextHref = last ? `${here}?${new URLSearchParams({ ...(name ? { name } : {}), after: last.name, at: last.id })}` : null;
  const model = {
    id: holder.id,
    name,
    holder: holder.name,
    rows: shown.map((row) => viewOfRow(visit, holder, row, now)),
    waiting,
    nextHref,
  };
  return { kind: "page", template: "holder-platforms", title: tongue.t("holder.platforms.title"), model };
}

function platformHref(visit: PersonVisit, platformId: string): string {
  return pathOf(visit, `/organisation/${visit.params["id"]}/platforms/${platformId}`);
}

function viewOfRow(visit: PersonVisit, holder: Participant, { platform, state, refused }: MatrixRow, now: Date) {
  const { tongue } = visit;
  const { t, lang } = tongue;
  const reasons = [...new Set(refused.flatMap((one) => one.reasons))];
  const outcome =
    refused.length === 0 ? "everything" : refused.length < holder.datasets.length ? ("something" as const) : ("nothing" as const);
  return {
    name: platform.participant.name,
    href: platformHref(visit, platform.participant.id),
    badge: badgeOf(tongue, platform, now),
    state: tagOfState(tongue, state),
    outcome: t(`holder.outcome.${outcome}`),
    because: reasons.map((one) => REASONS[one].sentence[lang]),
  };
}

/** The form that the page opens with; each changes one thing. */
const FORMS = ["access", "exclude", "review", "answer"] as const;

export async function showPlatform(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  const { tongue, query, form } = visit;
  const { holder, said } = await readHolder(ports, visit);
  const id = asId("participant", visit.params["platform"]);
  const now = ports.clock.now();
  const { row, summary, reviews, meetings } = await ports.store.read(async (r) => ({
    row: await readMatrixRow(r, await readMatrixOf(r, ports.policy, holder.id, now), id),
    summary: await summarizeEvidence(r, ports.charters, await r.participants.get(id), now),
    reviews: await r.conditions.reviews(holder.id, id),
    meetings: await r.meetings.list({ holderId: holder.id, platformId: id, limit: MOST_MEETINGS }),
  }));
  const { participant } = row.platform;
  if (!participant.roles.includes("platform"))
    throw new RelaisError("not_found", "This participant is not a platform.", { actor: "person" });
  const waiting = meetings.find(({ answeredAt }) => answeredAt === null) ?? null;
  const asked = form.one("act") || query.one("do");
  const open = FORMS.find((known) => known === asked && (known !== "answer" || waiting !== null)) ?? null;
  const model = {
    ...viewOfRow(visit, holder, row, now),
    ...viewOfSaid(visit, holder, row),
    id: holder.id,
    holder: holder.name,
    version: versionOf(said),
    here: `/${tongue.lang}`,
    address: platformHref(visit, id),
    publicHref: pathOf(visit, `/register/${id}`),
    summary: viewOfSummary(tongue, row, summary),
    reviews: reviews.map((one) => viewOfReview(tongue, one)),
    meetings: meetings.map((one) => rowOfMeeting(tongue, one, participant.name)),
    meeting: waiting?.id ?? null,
    open,
    form: viewOfForm(visit, row.state),
    scopes: scopesOf(tongue, holder),
    errors,
  };
  return { kind: "page", template: "holder-platform", title: participant.name, model, status: errors.length > 0 ? 422 : 200 };
}

/** What the holder wrote of this platform, and what that comes to for each of its data sets. */
function viewOfSaid({ tongue }: PersonVisit, holder: Participant, { access, exclusions, refused }: MatrixRow) {
  const { t, lang, date } = tongue;
  const titles = new Map(scopesOf(tongue, holder).map(({ value, text }) => [value, text]));
  return {
    reason: access?.reason?.[lang] ?? null,
    testAccounts: access && access.testAccounts.length > 0 ? t("holder.testAccounts", { count: access.testAccounts.length }) : null,
    exclusions: exclusions.map(({ dataset, reason, changedAt }) => ({
      dataset,
      what: t("conditions.excluded", { dataset: titles.get(dataset) ?? dataset }),
      reason: reason[lang],
      since: date(changedAt),
    })),
    datasets: holder.datasets.map(({ id, title }) => {
      const reasons = refused.find(({ dataset }) => dataset === id)?.reasons ?? [];
      return {
        title: title[lang],
        tag:
          reasons.length === 0
            ? { text: t("holder.goes"), classes: "govuk-tag--green" }
            : { text: t("holder.stays"), classes: "govuk-tag--red" },
        because: reasons.map((one) => REASONS[one].sentence[lang]),
      };
    }),
  };
}

function viewOfSummary({ t, lang, country, date, number }: Tongue, { platform, certificates }: MatrixRow, summary: EvidenceSummary) {
  const met = summary.criteria.filter(({ outcome }) => outcome === "met").length;
  return {
    country: country(platform.participant.about.country),
    charter:
      summary.charter && t("holder.evidence.met", { charter: summary.charter, met: number(met), all: number(summary.criteria.length) }),
    charterHref: summary.charter && `/${lang}/charter/${summary.charter}`,
    criteria: summary.criteria.map(({ criterion, outcome }) => ({ title: criterion.title[lang], outcome: t(`case.outcome.${outcome}`) })),
    evidence: summary.evidence.map(({ title, issuer, date: day }) =>
      t("holder.evidence.line", { title: title[lang], issuer, date: date(new Date(`${day}T12:00:00Z`)) }),
    ),
    certificates: certificates.map(({ certificate, validUntil }) =>
      t("certificates.line", { title: CERTIFICATES[certificate][lang], date: date(new Date(`${validUntil}T12:00:00Z`)) }),
    ),
  };
}

function viewOfReview({ t, date }: Tongue, { date: day, decision, by, questions, conditions }: HolderReview) {
  return { day: date(new Date(`${day}T12:00:00Z`)), iso: day, decision: t(`holder.review.${decision}`), by, questions, conditions };
}

/** What was written is not lost where something else was wrong. */
function viewOfForm({ form, tongue }: PersonVisit, present: AccessState) {
  const { t } = tongue;
  const state = form.one("state") || present;
  return {
    given: { reasonFr: form.one("reasonFr"), reasonEn: form.one("reasonEn") },
    states: ACCESS_STATES.map((value) => ({
      value,
      text: t(`holder.state.${value}`),
      hint: t(`holder.stateHint.${value}`),
      checked: value === state,
    })),
    testAccounts: form.one("testAccounts"),
    dataset: form.one("dataset"),
    decisions: REVIEW_DECISIONS.map((value) => ({ value, text: t(`holder.review.${value}`), checked: value === form.one("decision") })),
    date: form.one("date"),
    by: form.one("by"),
    questions: form.one("questions"),
    conditions: form.one("conditions"),
  };
}

export async function changePlatform(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  return changeFromForm(ports, visit, {
    done: platformHref(visit, asId("participant", visit.params["platform"])),
    again: (errors) => showPlatform(ports, visit, errors),
    field: "form",
  });
}

/** A review changes nothing for anybody, so nothing is previewed. */
export async function addReview(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { participantId } = await memberOf(ports, visit);
  const { form, tongue } = visit;
  const platformId = asId("participant", visit.params["platform"]);
  const lines = (name: string): string[] =>
    form
      .one(name)
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== "");
  try {
    const decision = REVIEW_DECISIONS.find((known) => known === form.one("decision"));
    if (decision === undefined || form.one("date") === "" || form.one("by") === "")
      throw new RelaisError("invalid", tongue.t("holder.error.review"));
    await recordReview(
      ports,
      { caller: participantId, holderId: participantId },
      {
        platformId,
        date: form.one("date"),
        decision,
        by: form.one("by"),
        questions: lines("questions"),
        conditions: lines("conditions"),
      },
    );
    return { kind: "redirect", to: platformHref(visit, platformId) };
  } catch (error) {
    return showPlatform(ports, visit, [toldAs(visit, error, "form")]);
  }
}
