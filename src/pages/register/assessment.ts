import type { AssessedCriterion, Assessment } from "../../core/register/assessment.ts";
import { SECTIONS, type Outcome, type Section } from "../../core/register/charter.ts";
import type { Tongue } from "../tongue.ts";
import { rowOfAnswer } from "./answers.ts";

const OUTCOMES = ["met", "not_met", "not_shown"] as const satisfies readonly Outcome[];

/** Colour and words always come together. */
const TAGS = { met: "govuk-tag--green", not_met: "govuk-tag--red", not_shown: "govuk-tag--grey" } as const satisfies Record<
  Outcome,
  string
>;

export function tagOfOutcome({ t }: Tongue, outcome: Outcome) {
  return { text: t(`case.outcome.${outcome}`), classes: TAGS[outcome] };
}

/** Sections whose answers say what kind of place it is: they stand open. */
const FOREMOST: readonly Section[] = ["service", "hosting"];

/** Criteria met and how: the counts, then one list for each section of the charter. */
export function viewOfAssessment(tongue: Tongue, { charter, level, criteria, answers }: Assessment) {
  const { t } = tongue;
  const count = (list: AssessedCriterion[], outcome: Outcome): number => list.filter((one) => one.outcome === outcome).length;
  const rows = answers.map((answer) => ({ ...rowOfAnswer(tongue, answer), isForemost: FOREMOST.includes(answer.section) }));
  const more = rows.filter(({ isForemost }) => !isForemost);
  return {
    line: t("profile.criteriaOf", { level, version: charter.version }),
    charterHref: `/${tongue.lang}/charter/${charter.version}`,
    counts: OUTCOMES.map((outcome) => ({ outcome, many: count(criteria, outcome) }))
      .filter(({ many, outcome }) => many > 0 || outcome === "met")
      .map(({ outcome, many }) => ({ text: t(`profile.count.${outcome}`, { count: many }), classes: TAGS[outcome] })),
    sections: SECTIONS.map((section) => ({ section, list: criteria.filter(({ criterion }) => criterion.section === section) }))
      .filter(({ list }) => list.length > 0)
      .map(({ section, list }) => ({
        title: t("profile.section", { section: t(`case.section.${section}`), met: count(list, "met"), count: list.length }),
        rows: list.map((one) => rowOfCriterion(tongue, one, charter.version)),
      })),
    foremost: rows.filter(({ isForemost }) => isForemost),
    more,
    moreTitle: t("profile.answersMore", { count: more.length }),
  };
}

function rowOfCriterion(tongue: Tongue, { criterion, outcome, because, method, lookedAt, nextAt }: AssessedCriterion, version: string) {
  const { t, lang, date } = tongue;
  const times = [
    lookedAt === null ? t("profile.neverLooked") : t("profile.lookedAt", { date: date(lookedAt) }),
    ...(nextAt === null ? [] : [t("profile.nextAt", { date: date(nextAt) })]),
  ];
  return {
    title: criterion.title[lang],
    href: `/${lang}/charter/${version}/${criterion.id}`,
    tag: tagOfOutcome(tongue, outcome),
    method: t(`profile.method.${method}`),
    times: times.join(", "),
    because: outcome === "met" ? null : because[lang],
  };
}
