import type { Language } from "../core/catalogue/data-set.ts";
import { FR_REFUSALS } from "./messages/fr-refusals.ts";
import { spaced, type Tongue } from "./tongue.ts";

const FORMS = FR_REFUSALS.map(([said, text]) => ({ form: formOf(said), text: spaced("fr", text) }));

/** What was refused, in the words of the page; null where its language has none, and the core's English sentence is all there is. */
export function refusalIn(lang: Language, message: string): string | null {
  if (lang === "en") return message;
  for (const { form, text } of FORMS) {
    const found = form.exec(message);
    if (found) return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => found.groups?.[name] ?? "");
  }
  return null;
}

/** The same, as it is told at a form. */
export function toldRefusal({ lang, t }: Tongue, message: string): string {
  return t("case.refused", { detail: refusalIn(lang, message) ?? message });
}

function formOf(said: string): RegExp {
  const parts = said.split(/\{(\w+)\}/);
  return new RegExp(`^${parts.map((part, i) => (i % 2 === 1 ? `(?<${part}>.+)` : literally(part))).join("")}$`, "su");
}

function literally(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}
