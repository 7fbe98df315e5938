import type { Criterion, Facts, Question } from "../../core/register/charter.ts";
import type { Tongue } from "../tongue.ts";

/** What a case of a criterion supposes, in words. */
export function givenIn(tongue: Tongue, criterion: Criterion, facts: Partial<Facts>): string {
  const said = [
    ...answersIn(tongue, criterion, facts.answers ?? {}),
    ...Object.entries(facts.entity ?? {}).map(([name, value]) =>
      valueIs(tongue, tongue.t("criterion.case.entity", { name }), shown(tongue, value)),
    ),
    ...probesIn(tongue, facts.probes ?? {}),
    ...evidenceIn(tongue, facts.evidence ?? {}),
    ...Object.values(facts.reviews ?? {}).map((count) => tongue.t("criterion.case.reviews", { count })),
  ];
  return said.length === 0 ? tongue.t("criterion.case.nothing") : said.join(", ");
}

function answersIn(tongue: Tongue, { questions }: Criterion, answers: Facts["answers"]): string[] {
  return Object.entries(answers).map(([name, value]) => {
    const question = questions.find(({ answer }) => answer === name);
    return valueIs(tongue, tongue.t("criterion.case.answer"), shown(tongue, value, question));
  });
}

function valueIs({ t }: Tongue, name: string, value: string): string {
  return t("criterion.case.value", { name, value });
}

/** A text stands in quotation marks unless it is the label of a choice: what is no answer at all looks like what it is. */
function shown(tongue: Tongue, value: unknown, question?: Question): string {
  const { t, lang, number } = tongue;
  if (typeof value === "boolean") return t(value ? "profile.yes" : "profile.no");
  if (typeof value === "number") return number(value);
  const label = question?.options.find((option) => option.value === value)?.label[lang];
  return label ?? (lang === "fr" ? `« ${String(value)} »` : `“${String(value)}”`);
}

function probesIn({ t, date }: Tongue, probes: Facts["probes"]): string[] {
  return Object.entries(probes).map(([name, { outcome, at }]) =>
    t("criterion.case.probe", { name, outcome: t(`checks.${outcome}`), date: date(new Date(at)) }),
  );
}

function evidenceIn({ t, date }: Tongue, evidence: Facts["evidence"]): string[] {
  return Object.values(evidence).map(({ date: day, issuer, accepted }) =>
    t("criterion.case.evidence", { date: date(new Date(`${day}T12:00:00Z`)), issuer, accepted: String(accepted) }),
  );
}
