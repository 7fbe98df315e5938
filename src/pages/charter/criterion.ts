import { RelaisError } from "../../core/errors.ts";
import { methodOf } from "../../core/register/assessment.ts";
import type { Charter, Criterion, Question } from "../../core/register/charter.ts";
import { tagOfOutcome } from "../register/assessment.ts";
import type { Tongue } from "../tongue.ts";
import type { Answer, PagesPorts, Visit } from "../visit.ts";
import { givenIn } from "./cases.ts";

/** One criterion, whole: why it is there, how it is checked, what its failure means, its cases, and who meets it now. */
export async function criterion({ charters, store }: PagesPorts, { tongue, params }: Visit): Promise<Answer> {
  const charter = charters.get(String(params["version"]));
  const found = charter.criteria.find(({ id }) => id === params["criterion"]);
  if (found === undefined) throw new RelaisError("not_found", "There is no such criterion in this version of the charter.");
  const counts = (await store.read((r) => r.indicators.metBy(charter.version))).get(found.id) ?? null;
  return { kind: "page", template: "criterion", title: found.title[tongue.lang], model: viewOf(tongue, charter, found, counts) };
}

function viewOf(tongue: Tongue, { version }: Charter, one: Criterion, counts: { asked: number; met: number } | null) {
  const { t, lang, number } = tongue;
  const { onFailure, check } = one;
  return {
    id: one.id,
    version,
    backHref: `/${lang}/charter/${version}#c-${one.id}`,
    backText: t("criterion.back", { version }),
    sectionTitle: t(`case.section.${one.section}`),
    statement: one.statement[lang],
    facts: [
      { label: t("criterion.why"), text: one.why[lang] },
      { label: t("criterion.threat"), text: one.threat[lang] },
      {
        label: t("criterion.who"),
        text: t("criterion.whoLevel", { who: one.appliesTo.map((role) => t(`role.${role}`)).join(", "), level: one.level }),
      },
      {
        label: t("criterion.how"),
        text: t(`profile.method.${methodOf(one)}`),
        more: check.kind === "probe" ? t("criterion.probes", { names: check.probes.join(", ") }) : null,
      },
      ...(one.evidence ? [{ label: t("criterion.evidence"), text: evidenceOf(tongue, one.evidence) }] : []),
      {
        label: t("criterion.recheck"),
        text: one.recheckDays === null ? t("criterion.recheckYear") : t("criterion.recheckDays", { days: one.recheckDays }),
      },
      {
        label: t("criterion.failure"),
        text: t(`criterion.failure.${onFailure.kind}`, { days: onFailure.kind === "due" ? onFailure.days : 0 }),
      },
      {
        label: t("criterion.met"),
        text: counts ? t("criterion.metBy", { met: number(counts.met), asked: number(counts.asked) }) : t("criterion.metByNone"),
      },
      { label: t("criterion.sources"), text: one.sources.join(", ") },
    ],
    questions: one.questions.map((question) => questionOf(tongue, question)),
    cases: one.cases.map(({ facts, outcome }) => ({ given: givenIn(tongue, one, facts), tag: tagOfOutcome(tongue, outcome) })),
    jsonHref: `/v1/charters/${version}/criteria/${one.id}`,
  };
}

function evidenceOf({ t, lang }: Tongue, { title, maxAgeDays, issuer }: NonNullable<Criterion["evidence"]>): string {
  const aged = maxAgeDays === null ? title[lang] : t("criterion.evidenceAge", { title: title[lang], days: maxAgeDays });
  return issuer === null ? aged : `${aged}, ${t("criterion.evidenceBy", { issuer: issuer[lang] })}`;
}

function questionOf({ t, lang }: Tongue, question: Question) {
  return {
    label: question.label[lang],
    hint: question.hint?.[lang] ?? null,
    options: question.options.map(({ label }) => label[lang]),
    publicity: question.public ? t("criterion.public") : t("criterion.private"),
  };
}
