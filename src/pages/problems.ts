import type { Language } from "../core/catalogue/data-set.ts";
import { ERRORS, RelaisError, type ErrorCode } from "../core/errors.ts";
import { refusalIn } from "./refusals.ts";
import { renderPage } from "./templates.ts";
import { TONGUES, type Tongue } from "./tongue.ts";
import type { Answer, Operator, PagesPorts, Visit } from "./visit.ts";

const CODES = Object.keys(ERRORS) as ErrorCode[];

/** Every kind of problem, each with its page: where the `type` of a problem document leads (RFC 9457 §3.1.1). */
export function problems(_ports: PagesPorts, { tongue }: Visit): Answer {
  const rows = CODES.map((code) => ({ code, title: tongue.t(`problem.${code}.title`), href: `/${tongue.lang}/problems/${code}` }));
  return { kind: "page", template: "problems", title: tongue.t("problems.title"), model: { rows } };
}

export function problem(_ports: PagesPorts, { tongue, params }: Visit): Answer {
  const code = CODES.find((known) => known === params["code"]);
  if (code === undefined) throw new RelaisError("not_found", "There is no problem with this code.");
  return {
    kind: "page",
    template: "problem",
    title: tongue.t(`problem.${code}.title`),
    model: { ...wordsOf(tongue, code), who: tongue.t(`actor.${ERRORS[code].actor}`), code, isRetryable: ERRORS[code].retryable },
  };
}

function wordsOf({ t }: Tongue, code: ErrorCode) {
  return { heading: t(`problem.${code}.title`), meaning: t(`problem.${code}.meaning`), how: t(`problem.${code}.how`) };
}

interface Reader {
  lang: Language;
  supportId: string;
  /** Of whoever is signed in; null for a visitor. */
  displayName: string | null;
  operator: Operator | null;
}

/** The page of a failure, for the server's error handler. Its own sentence is in the page's language where that has one, else in English, marked as such. */
export function renderProblem(error: RelaisError, { lang, supportId, displayName, operator }: Reader): string {
  const tongue = TONGUES[lang];
  const { code, actor } = error;
  const frame = { lang, title: tongue.t(`problem.${code}.title`), path: `/problems/${code}`, search: "", displayName, operator };
  const model = {
    ...wordsOf(tongue, code),
    who: tongue.t(`actor.${actor}`),
    code,
    supportId,
    ...detailIn(lang, error),
    isRetryable: error.retryable,
    isFailure: true,
  };
  return renderPage("problem", frame, model);
}

function detailIn(lang: Language, { code, message }: RelaisError) {
  const refusal = code === "internal" || lang === "en" ? null : refusalIn(lang, message);
  return {
    refusal: refusal && refusal.charAt(0).toUpperCase() + refusal.slice(1),
    detail: code === "internal" || refusal ? null : message,
  };
}
