import { readFile, writeFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import { SETTINGS, type SettingMeta } from "../src/settings.ts";
import { openApiDocument } from "../src/http/openapi.ts";
import { retentionPage } from "./retention-page.ts";
import { secretsWithoutReader, valuesSchema } from "./values-schema.ts";

/** Each generated document, and what it says now. The issuer in the API's description stands for any installation. */
const DOCUMENTS: [file: string, generate: () => string][] = [
  ["../docs/configuration.md", () => configurationPage()],
  ["../docs/retention.md", () => retentionPage()],
  ["../docs/openapi.json", () => `${JSON.stringify(openApiDocument("https://relais.example"), null, 2)}\n`],
  ["../helm/relais/values.schema.json", () => `${JSON.stringify(valuesSchema(), null, 2)}\n`],
];

const GROUPS: [name: string, title: string][] = [
  ["data", "Process and data folder"],
  ["http", "HTTP"],
  ["metrics", "Metrics and probes"],
  ["operator", "Operator"],
  ["register", "Register"],
  ["postgres", "PostgreSQL"],
  ["redis", "Redis"],
  ["keys", "Keys"],
  ["signin", "Sign-in"],
  ["mail", "Mail"],
  ["sandbox", "Sandbox"],
  ["limits", "Limits"],
  ["transfer", "Transfers"],
  ["mailbox", "Mailbox"],
  ["retention", "Retention"],
  ["traces", "Traces"],
  ["log", "Log"],
];

const HEAD = `# Configuration

Generated from \`src/config.ts\` by \`npm run docs\`; \`npm run check\` compares.

Relais reads its environment once, at the start. An empty variable counts as unset. A name that begins with \`RELAIS_\` and is not
listed here stops the start, and so does a wrong value: every problem is listed at once. A secret may be given by a file instead,
whose path is in the variable of the same name with \`_FILE\` behind it.
`;

/** docs/configuration.md as the schema says it. */
export function configurationPage(): string {
  const groups = GROUPS.map(
    ([name, title]) => `\n## ${title}\n\n| variable | default | meaning |\n| --- | --- | --- |\n${rowsOf(name).join("\n")}\n`,
  );
  return HEAD + groups.join("");
}

function rowsOf(group: string): string[] {
  return Object.entries(SETTINGS.shape)
    .map(([name, schema]) => ({ name, schema, meta: schema.meta() as unknown as SettingMeta }))
    .filter(({ meta }) => meta.group === group)
    .map(
      ({ name, schema, meta }) =>
        `| \`${name}\`${meta.secret === true ? `<br>\`${name}_FILE\`` : ""} | ${defaultOf(schema, meta)} | ${meta.description} |`,
    );
}

function defaultOf(schema: z.ZodType, meta: SettingMeta): string {
  const value = meta.show ?? schema.parse(undefined);
  return value === undefined || value === "" ? "–" : `\`${JSON.stringify(value).replaceAll('"', "")}\``;
}

function ungrouped(): string[] {
  const known = GROUPS.map(([name]) => name);
  return Object.entries(SETTINGS.shape)
    .filter(([, schema]) => !known.includes((schema.meta() as unknown as SettingMeta).group))
    .map(([name]) => name);
}

if (import.meta.main) {
  const missing = ungrouped();
  if (!isDeepStrictEqual(missing, [])) throw new Error(`These settings have no group in the document: ${missing.join(", ")}`);
  const unread = secretsWithoutReader();
  if (unread.length > 0)
    throw new Error(`No role of the chart is named for these secrets (scripts/values-schema.ts): ${unread.join(", ")}`);
  for (const [file, generate] of DOCUMENTS) await bringUpToDate(file, generate(), process.argv.includes("--check"));
}

async function bringUpToDate(file: string, page: string, onlyCheck: boolean): Promise<void> {
  const place = new URL(file, import.meta.url);
  if ((await readFile(place, "utf8").catch(() => "")) === page) return;
  if (!onlyCheck) return writeFile(place, page);
  console.error(`${file.replace("../", "")} is not what the source says. Run npm run docs.`);
  process.exitCode = 1;
}
