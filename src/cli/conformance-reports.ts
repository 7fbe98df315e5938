import type { ProbeResult } from "../core/conformance/probe.ts";

export interface Report {
  target: string;
  name: string;
  roles: string[];
  startedAt: Date;
  results: ProbeResult[];
}

export function asJson(report: Report): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}

/** Text as XML or HTML, also within attributes; control characters, which XML cannot hold, become a question mark. */
function escaped(text: string): string {
  // oxlint-disable-next-line no-control-regex -- XML 1.0 §2.2 knows no such characters
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "?").replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** JUnit as build servers read it: one test case for each check. */
export function asJunit({ target, startedAt, results }: Report): string {
  const count = (outcome: ProbeResult["outcome"]): number => results.filter((result) => result.outcome === outcome).length;
  const seconds = results.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000;
  const cases = results.map(({ probe, outcome, detail, reproduce, milliseconds }) => {
    const inside =
      outcome === "failed"
        ? `<failure message="${escaped(detail.en)}">${escaped(`${detail.en}\n${reproduce}`)}</failure>`
        : outcome === "not_run"
          ? `<skipped message="${escaped(detail.en)}"/>`
          : "";
    return `  <testcase classname="relais.conformance" name="${escaped(probe)}" time="${(milliseconds / 1000).toFixed(3)}">${inside}</testcase>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="${escaped(target)}" tests="${results.length}" failures="${count("failed")}" skipped="${count("not_run")}" time="${seconds.toFixed(3)}" timestamp="${startedAt.toISOString()}">
${cases.join("\n")}
</testsuite>
`;
}

const WORDS = { passed: "réussi / passed", failed: "manqué / failed", not_run: "non fait / not run" } as const;
const STYLE =
  "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.5rem;border-bottom:1px solid #999}pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem}.failed{font-weight:700}";

/** One page that needs nothing else, in French and English. */
export function asHtml({ target, name, startedAt, results }: Report): string {
  const rows = results.map(
    ({ probe, outcome, title, detail, reproduce }) =>
      `<tr class="${outcome}"><th scope="row"><code>${escaped(probe)}</code></th><td>${WORDS[outcome]}</td><td><p>${escaped(title.fr)}. ${escaped(detail.fr)}</p><p lang="en">${escaped(title.en)}. ${escaped(detail.en)}</p><details><summary>Refaire / repeat</summary><pre>${escaped(reproduce)}</pre></details></td></tr>`,
  );
  return `<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(name)} – conformité / conformance</title><style>${STYLE}</style></head><body><main>
<h1>${escaped(name)}</h1><p><code>${escaped(target)}</code>, ${startedAt.toISOString()}</p>
<table><thead><tr><th scope="col">Contrôle / check</th><th scope="col">Résultat / result</th><th scope="col">Vu / seen</th></tr></thead><tbody>
${rows.join("\n")}
</tbody></table></main></body></html>
`;
}
