import { fileURLToPath } from "node:url";
import nunjucks from "nunjucks";
import type { Language } from "../core/catalogue/data-set.ts";
import { assetHref } from "./assets.ts";
import type { Operator } from "./visit.ts";
import { TONGUES, type MessageKey, type MessageValues } from "./tongue.ts";

export interface Frame {
  lang: Language;
  title: string;
  /** Path without the language, and its query: where the other language is found. */
  path: string;
  search: string;
  /** Name to greet with; null for a visitor. */
  displayName: string | null;
  withoutNavigation?: boolean;
  operator: Operator | null;
}

const environment = new nunjucks.Environment(
  new nunjucks.FileSystemLoader([
    fileURLToPath(new URL("./templates", import.meta.url)),
    fileURLToPath(new URL("./dist", import.meta.resolve("govuk-frontend/package.json"))),
  ]),
  { autoescape: true, throwOnUndefined: false, trimBlocks: true, lstripBlocks: true },
);
environment.addGlobal("asset", assetHref);

/** Prints a page. Everything that is not a message comes escaped from the model. */
export function renderPage(template: string, frame: Frame, model: object): string {
  const { t, number } = TONGUES[frame.lang];
  return environment.render(`${template}.njk`, {
    ...model,
    ...frame,
    operatorHref: frame.operator && (frame.operator.contact.includes("://") ? frame.operator.contact : `mailto:${frame.operator.contact}`),
    here: `/${frame.lang}`,
    otherLang: frame.lang === "fr" ? "en" : "fr",
    section: `/${frame.path.split("/")[1] ?? ""}`,
    t: (key: MessageKey, values?: MessageValues) => t(key, values),
    number,
  });
}

/** Prints the HTML of a mail: no picture, no script, nothing that is fetched. */
export function renderLetter(model: object): string {
  return environment.render("letter.njk", model);
}
