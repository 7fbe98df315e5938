import type { PublicAnswer } from "../../core/register/assessment.ts";
import type { Answer } from "../../core/register/application.ts";
import type { Question } from "../../core/register/charter.ts";
import type { Tongue } from "../tongue.ts";

/** An answer in words: the label of a choice, yes or no, a country by its name. */
export function wordsOfAnswer({ t, lang, number, date, country }: Tongue, question: Question, value: Answer): string {
  const labelOf = (one: string): string => question.options.find((option) => option.value === one)?.label[lang] ?? one;
  if (typeof value === "boolean") return t(value ? "profile.yes" : "profile.no");
  if (typeof value === "number") return withUnit(number(value), question.hint?.[lang]);
  if (Array.isArray(value)) return value.map(labelOf).join(", ");
  if (question.type === "country") return country(value);
  return question.type === "date" ? date(new Date(`${value}T12:00:00Z`)) : labelOf(value);
}

/** The hint of a number begins with its unit: "In days". */
function withUnit(number: string, hint: string | undefined): string {
  const [unit] = hint?.toLowerCase().split(",") ?? [];
  return unit === undefined ? number : `${number} (${unit})`;
}

export function rowOfAnswer(tongue: Tongue, { question, value }: PublicAnswer) {
  const text = wordsOfAnswer(tongue, question, value);
  return {
    label: question.label[tongue.lang],
    text,
    href: question.type === "url" && text.startsWith("https://") ? text : null,
  };
}
