import type { AssessedCriterion, PublicAnswer } from "../../core/register/assessment.ts";
import type { Profile } from "../../core/register/profile.ts";
import type { Tongue } from "../tongue.ts";
import { wordsOfAnswer } from "./answers.ts";
import { tagOfOutcome } from "./assessment.ts";
import { viewOfFigures } from "./figures.ts";
import { badgeOf } from "./view.ts";

type Two = [Profile, Profile];

/** Two profiles in one table: what they are, the criteria that differ, the figures, and last what is alike. */
export function viewOfComparison(tongue: Tongue, two: Two, now: Date) {
  const { t } = tongue;
  const criteria = criteriaOf(tongue, two);
  const differ = criteria.filter(({ isAlike }) => !isAlike);
  const alike = criteria.filter(({ isAlike }) => isAlike);
  return {
    names: two.map(({ participant }) => ({ name: participant.name, href: `/${tongue.lang}/register/${participant.id}` })),
    facts: factsOf(tongue, two, now),
    differ,
    differTitle: t("compare.differ", { count: differ.length }),
    alike,
    alikeTitle: t("compare.alike", { count: alike.length }),
    figures: viewOfFigures(tongue, two[0].participant, two[0].indicators).rows.map((row, index) => ({
      label: row.label,
      cells: two.map(({ participant, indicators }) => ({ text: viewOfFigures(tongue, participant, indicators).rows[index]?.value ?? "" })),
    })),
    figuresLead: viewOfFigures(tongue, two[0].participant, two[0].indicators).lead,
  };
}

interface Row {
  label: string;
  cells: { text: string; tag?: { text: string; classes: string } }[];
}

function factsOf(tongue: Tongue, two: Two, now: Date): Row[] {
  const { t, country, number } = tongue;
  const row = (label: string, of: (profile: Profile) => Row["cells"][number]): Row => ({ label, cells: two.map(of) });
  return [
    row(t("compare.standing"), ({ participant, mark }) => {
      const { until, ...tag } = badgeOf(tongue, { participant, mark }, now);
      return { text: until ?? "", tag };
    }),
    row(t("profile.organisation"), ({ organisation, participant }) => ({ text: organisation?.name ?? participant.name })),
    row(t("compare.country"), ({ participant }) => ({ text: country(participant.about.country) })),
    row(t("register.protocolLabel"), ({ participant }) => ({ text: t(`register.protocol.${participant.adapter}`) })),
    row(t("compare.kinds"), (profile) => ({ text: t(takesAll(profile) ? "compare.kindsAll" : "compare.kindsNotShown") })),
    row(t("compare.restrictions"), ({ restrictions }) => ({ text: number(restrictions.holders.size) })),
    ...answersOf(tongue, two),
  ];
}

/** The criterion of the charter that says so (S-112). */
function takesAll({ assessment }: Profile): boolean {
  return assessment?.criteria.some(({ criterion, outcome }) => criterion.id === "all-data" && outcome === "met") ?? false;
}

function answersOf(tongue: Tongue, two: Two): Row[] {
  const questions = new Map<string, PublicAnswer>();
  for (const { assessment } of two)
    for (const one of assessment?.answers ?? [])
      if (["service", "hosting"].includes(one.section) && !questions.has(one.question.answer)) questions.set(one.question.answer, one);
  return [...questions.values()].map(({ question }) => ({
    label: question.label[tongue.lang],
    cells: two.map(({ assessment }) => {
      const given = assessment?.answers.find((one) => one.question.answer === question.answer);
      return { text: given ? wordsOfAnswer(tongue, given.question, given.value) : tongue.t("compare.noAnswer") };
    }),
  }));
}

/** Every criterion that is asked of one of them. Where it is not asked of the other, they differ. */
function criteriaOf(tongue: Tongue, two: Two): (Row & { isAlike: boolean })[] {
  const byId = two.map(({ assessment }) => new Map((assessment?.criteria ?? []).map((one) => [one.criterion.id, one])));
  const all = new Map(byId.flatMap((known) => [...known]));
  return [...all].map(([id, { criterion }]) => {
    const found = byId.map((known) => known.get(id));
    return {
      label: criterion.title[tongue.lang],
      cells: found.map((one) => cellOf(tongue, one)),
      isAlike: found[0]?.outcome === found[1]?.outcome,
    };
  });
}

function cellOf(tongue: Tongue, found: AssessedCriterion | undefined): Row["cells"][number] {
  if (found === undefined) return { text: tongue.t("compare.notAsked") };
  return { text: tongue.t(`profile.method.${found.method}`), tag: tagOfOutcome(tongue, found.outcome) };
}
