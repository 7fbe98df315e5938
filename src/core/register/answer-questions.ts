import { RelaisError } from "../errors.ts";
import type { Ports } from "../ports.ts";
import type { Answer, Application, ApplicationId } from "./application.ts";
import type { Charter, Charters, Question } from "./charter.ts";
import { lockEditable } from "./own-application.ts";
import type { RegisterCaller } from "./register-caller.ts";

type AnsweringPorts = Pick<Ports, "store" | "clock"> & { charters: Charters };

/**
 * Takes answers to the charter's questions; null takes one back. All of them are taken, or none.
 * @throws RelaisError `invalid` with a pointer to each answer that is no question's, or has another form; `conflict`.
 */
export async function answerQuestions(
  ports: AnsweringPorts,
  caller: RegisterCaller,
  id: ApplicationId,
  given: Record<string, unknown>,
): Promise<Application> {
  return ports.store.write(async (w) => {
    const application = await lockEditable(w, caller, id);
    const questions = questionsOf(ports.charters.get(application.charterVersion));
    const flaws = Object.entries(given).filter(([name, value]) => value !== null && !isAnswer(questions.get(name), value));
    if (flaws.length > 0)
      throw wrongAnswers(
        flaws.map(([name]) => name),
        questions,
      );
    const answers = new Map(Object.entries(application.answers));
    for (const [name, value] of Object.entries(given))
      if (value === null) answers.delete(name);
      else answers.set(name, value as Answer);
    const kept = Object.fromEntries(answers);
    await w.cases.setAnswers(id, kept);
    return { ...application, answers: kept };
  });
}

/** By name. Two criteria may ask the same question: it is asked once. */
export function questionsOf(charter: Charter): Map<string, Question> {
  return new Map(charter.criteria.flatMap((criterion) => criterion.questions).map((question) => [question.answer, question]));
}

const LONGEST = { text: 300, long_text: 5000 };
const isText = (value: unknown, longest: number): boolean => typeof value === "string" && value.trim() !== "" && value.length <= longest;
const isOption = (question: Question, value: unknown): boolean => question.options.some((option) => option.value === value);

// oxfmt-ignore
const FORMS = {
  yes_no:    (_question, value) => typeof value === "boolean",
  text:      (_question, value) => isText(value, LONGEST.text),
  long_text: (_question, value) => isText(value, LONGEST.long_text),
  number:    (_question, value) => typeof value === "number" && Number.isFinite(value),
  date:      (_question, value) => isDate(value),
  country:   (_question, value) => typeof value === "string" && /^[A-Z]{2}$/.test(value),
  url:       (_question, value) => isText(value, LONGEST.text) && isWebAddress(String(value)),
  choice:    (question, value) => isOption(question, value),
  choices:   (question, value) => Array.isArray(value) && value.length <= question.options.length && value.every((one) => isOption(question, one)),
} as const satisfies Record<Question["type"], (question: Question, value: unknown) => boolean>;

function isAnswer(question: Question | undefined, value: unknown): boolean {
  return question !== undefined && FORMS[question.type](question, value);
}

function isDate(value: unknown): boolean {
  return (
    typeof value === "string" &&
    /^\d{4}-\d{2}-\d{2}$/.test(value) &&
    !Number.isNaN(Date.parse(`${value}T00:00:00Z`)) &&
    new Date(`${value}T00:00:00Z`).toISOString().startsWith(value)
  );
}

function isWebAddress(value: string): boolean {
  return URL.canParse(value) && ["https:", "http:"].includes(new URL(value).protocol);
}

function wrongAnswers(names: string[], questions: Map<string, Question>): RelaisError {
  const said = names.slice(0, 5).map((name) => {
    const question = questions.get(name);
    return question === undefined
      ? `"${name.slice(0, 60)}" is no question of this charter`
      : `"${name}" must be ${FORM_WORDS[question.type]}`;
  });
  return new RelaisError("invalid", `Correct these answers: ${said.join("; ")}. Nothing was changed.`, {
    pointers: names.slice(0, 20).map((name) => `/answers/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`),
    actor: "platform",
  });
}

const FORM_WORDS = {
  yes_no: "true or false",
  text: `a text of at most ${LONGEST.text} characters`,
  long_text: `a text of at most ${LONGEST.long_text} characters`,
  number: "a number",
  date: "a date as 2026-11-24",
  country: "two capital letters of ISO 3166",
  url: "a web address",
  choice: "one of the listed values",
  choices: "a list out of the listed values",
} as const satisfies Record<Question["type"], string>;
