import { asRelaisError } from "../../core/errors.ts";
import type { Answer, FieldError, PagesPorts, Visit } from "../visit.ts";
import { viewOfVerdict } from "./view.ts";

export function showVerify(_ports: PagesPorts, visit: Visit): Answer {
  return pageOf(visit, { verdict: null, errors: [] });
}

/** What was handed in, a text or a file, and what it is worth. The page is the answer: nothing is kept that an address could lead to. */
export async function verify(ports: PagesPorts, visit: Visit): Promise<Answer> {
  const { tongue, form, file } = visit;
  const text = file === null || file.content.length === 0 ? form.one("document") : textOf(file.content);
  if (text === null) return pageOf(visit, { verdict: null, errors: [{ field: "file", text: tongue.t("verify.error.text") }] });
  if (text === "") return pageOf(visit, { verdict: null, errors: [{ field: "document", text: tongue.t("verify.error.empty") }] });
  try {
    return pageOf(visit, { verdict: viewOfVerdict(tongue, await ports.verify(text)), errors: [] });
  } catch (error) {
    if (asRelaisError(error).code !== "too_large") throw error;
    return pageOf(visit, { verdict: null, errors: [{ field: "document", text: tongue.t("verify.error.large") }] });
  }
}

function textOf(content: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    return null;
  }
}

function pageOf({ tongue }: Visit, model: { verdict: ReturnType<typeof viewOfVerdict> | null; errors: FieldError[] }): Answer {
  const { verdict, errors } = model;
  const title = verdict === null ? tongue.t("verify.title") : `${verdict.tag.text} – ${verdict.kind}`;
  const wrong = Object.fromEntries(errors.map(({ field, text }) => [field, text]));
  return { kind: "page", template: "verify", title, model: { ...model, wrong }, status: errors.length > 0 ? 422 : 200 };
}
