import type { NamedResult } from "../core/conformance/name-criteria.ts";

export interface Report {
  target: string;
  name: string;
  roles: string[];
  /** Version of the charter whose criteria are named. */
  charter: string;
  startedAt: Date;
  results: NamedResult[];
}

export function asJson(report: Report): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}

/** Text as XML or HTML, also within attributes; control characters, which XML cannot hold, become a question mark. */
function escaped(text: string): string {
  // oxlint-disable-next-line no-control-regex -- XML 1.0 §2.2 knows no such characters
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "?").replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** One line for each criterion of the charter that a check shows. */
export function criteriaLines({ criteria }: Pick<NamedResult, "criteria">, language: "fr" | "en"): string[] {
  return criteria.map(({ id, title }) => `${id}: ${title[language]}`);
}

/** JUnit as build servers read it: one test case for each check, in the class of its criterion. */
export function asJunit({ target, charter, startedAt, results }: Report): string {
  const count = (outcome: NamedResult["outcome"]): number => results.filter((result) => result.outcome === outcome).length;
  const seconds = results.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000;
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="${escaped(target)}" tests="${results.length}" failures="${count("failed")}" skipped="${count("not_run")}" time="${seconds.toFixed(3)}" timestamp="${startedAt.toISOString()}">
${results.map((result) => testCase(charter, result)).join("\n")}
</testsuite>
`;
}

function testCase(charter: string, result: NamedResult): string {
  const { probe, milliseconds, criteria } = result;
  const classname = [`charter.${charter}`, ...criteria.map(({ id }) => id).slice(0, 1)].join(".");
  const named = criteria.map(({ id, title }) => `<property name="criterion" value="${escaped(`${id}: ${title.en}`)}"/>`).join("");
  return `  <testcase classname="${escaped(classname)}" name="${escaped(probe)}" time="${(milliseconds / 1000).toFixed(3)}">${named && `<properties>${named}</properties>`}${verdict(result)}</testcase>`;
}

function verdict(result: NamedResult): string {
  const { outcome, detail, reproduce } = result;
  if (outcome === "not_run") return `<skipped message="${escaped(detail.en)}"/>`;
  if (outcome === "passed") return "";
  const said = [...criteriaLines(result, "en"), detail.en, reproduce].join("\n");
  return `<failure message="${escaped(detail.en)}">${escaped(said)}</failure>`;
}

const WORDS = { passed: "réussi / passed", failed: "manqué / failed", not_run: "non fait / not run" } as const;
const STYLE =
  "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.5rem;border-bottom:1px solid #999}pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem}code{overflow-wrap:anywhere}.failed{font-weight:700}";

/** One page that needs nothing else, in French and English. */
export function asHtml({ target, name, charter, startedAt, results }: Report): string {
  const rows = results.map(
    (result) =>
      `<tr class="${result.outcome}"><th scope="row"><code>${escaped(result.probe)}</code>${criteriaCell(result)}</th><td>${WORDS[result.outcome]}</td><td><p>${escaped(result.title.fr)}. ${escaped(result.detail.fr)}</p><p lang="en">${escaped(result.title.en)}. ${escaped(result.detail.en)}</p><details><summary>Refaire / repeat</summary><pre>${escaped(result.reproduce)}</pre></details></td></tr>`,
  );
  return `<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(name)} – conformité / conformance</title><style>${STYLE}</style></head><body><main>
<h1>${escaped(name)}</h1><p><code>${escaped(target)}</code>, ${startedAt.toISOString()}, charte / charter ${escaped(charter)}</p>
<table><thead><tr><th scope="col">Contrôle et critère / check and criterion</th><th scope="col">Résultat / result</th><th scope="col">Vu / seen</th></tr></thead><tbody>
${rows.join("\n")}
</tbody></table></main></body></html>
`;
}

function criteriaCell({ criteria }: NamedResult): string {
  return criteria
    .map(({ id, title }) => `<br><code>${escaped(id)}</code> ${escaped(title.fr)} <span lang="en">${escaped(title.en)}</span>`)
    .join("");
}
