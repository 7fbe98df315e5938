import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { LANGUAGES } from "../../src/core/catalogue/data-set.ts";
import { ERRORS } from "../../src/core/errors.ts";
import { FR_REFUSALS } from "../../src/pages/messages/fr-refusals.ts";
import { refusalIn } from "../../src/pages/refusals.ts";
import { MESSAGES, TONGUES, type MessageKey } from "../../src/pages/tongue.ts";

const ROOT = new URL("../../src/pages/", import.meta.url);
const KEYS = Object.keys(MESSAGES.en) as MessageKey[];

const sources = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.(ts|njk)$/.test(name) && !name.startsWith("messages"))
  .map((name) => readFileSync(new URL(name, ROOT), "utf8"));

/** Keys as they are written, and the patterns of keys that are put together: `transfer.state.${…}` and "home." + door. */
function patternsOf(text: string): RegExp[] {
  const whole = [...text.matchAll(/["'`]([a-zA-Z]+(?:\.[\w-]+)+)["'`]/g)].map((match) => match[1] ?? "");
  const templates = [...text.matchAll(/`([a-zA-Z]+\.(?:[\w.]|\$\{[^}]*\})*)`/g)].map((match) =>
    (match[1] ?? "").replace(/\$\{[^}]*\}/g, "*"),
  );
  const sums = [...text.matchAll(/t\("([\w.]+)" \+ \w+(?: \+ "([\w.]+)")?\)/g)].map((match) => `${match[1]}*${match[2] ?? ""}`);
  return [...whole, ...templates, ...sums].map((key) => new RegExp(`^${key.replaceAll(".", "\\.").replaceAll("*", "[\\w-]+")}$`));
}

test("every message is used somewhere", () => {
  const patterns = sources.flatMap(patternsOf);
  assert.deepEqual(
    KEYS.filter((key) => !patterns.some((pattern) => pattern.test(key))),
    [],
  );
});

test("every key that a template asks for exists", () => {
  const asked = sources.flatMap((text) => [...text.matchAll(/\bt\("([\w.-]+)"[,)]/g)].map((match) => match[1]));
  assert.deepEqual(
    asked.filter((key) => !(KEYS as string[]).includes(key ?? "")),
    [],
  );
});

function argumentsOf(text: string): string[] {
  return [...new Set([...text.matchAll(/\{(\w+)(?=[,}])/g)].map((match) => match[1] ?? ""))].sort();
}

test("both languages say the same things: equal arguments, no empty text", () => {
  for (const key of KEYS) {
    assert.deepEqual(argumentsOf(MESSAGES.fr[key]), argumentsOf(MESSAGES.en[key]), key);
    for (const lang of LANGUAGES) assert.notEqual(MESSAGES[lang][key].trim(), "", key);
  }
});

test("every message can be written", () => {
  const values = new Proxy(
    {},
    { get: () => 2, has: () => true, getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true }) },
  );
  for (const lang of LANGUAGES) for (const key of KEYS) assert.doesNotMatch(TONGUES[lang].t(key, values), /[{}]|undefined/, key);
});

test("words that promise too much, or belong to other trades, are on no page", () => {
  const never = {
    en: /\b(certified|certify|done|connect(ed)?|sync|migrate|scope|grant|token)\b/i,
    fr: /\b(certifié|connect(é|er|ez)|synchronis|sûr[es]?|migrer)\b/i,
  };
  // "Credential tokens" is the name of a heading on another site.
  for (const lang of LANGUAGES)
    for (const key of KEYS.filter((one) => one !== "proof.solid.where")) assert.doesNotMatch(MESSAGES[lang][key], never[lang], key);
});

test("every kind of problem has its title, meaning and remedy", () => {
  for (const code of Object.keys(ERRORS))
    for (const part of ["title", "meaning", "how"]) assert.ok(KEYS.includes(`problem.${code}.${part}` as MessageKey), code);
});

test("each refusal that French knows is still said by the core, word for word, and is told in French", () => {
  const folders = ["src/core", "src/pages"].map((folder) => new URL(`../../${folder}/`, import.meta.url));
  const source = folders
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => ({ folder, name })))
    .filter(({ name }) => name.endsWith(".ts") && !name.includes("messages/"))
    .map(({ folder, name }) => blanked(readFileSync(new URL(name, folder), "utf8")))
    .join("\n");
  for (const [english, french] of FR_REFUSALS) {
    const said = english.replaceAll(/\{\w+\}/g, "{}");
    assert.ok(
      ["`", '"'].some((quote) => source.includes(quote + said + quote)),
      `nobody says: ${english}`,
    );
    const told = refusalIn("fr", english.replaceAll(/\{\w+\}/g, "7"));
    assert.equal(told?.replaceAll(/\s/g, " "), french.replaceAll(/\{\w+\}/g, "7"));
  }
  assert.equal(refusalIn("fr", "Nobody says this."), null);
  assert.equal(refusalIn("en", "Choose a file."), "Choose a file.");
});

/** Source with `{}` for what its templates fill in, first those that hold no other. */
function blanked(text: string): string {
  return text
    .replaceAll(/\$\{[^{}`]*\}/g, "{}")
    .replaceAll(/\$\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}/g, "{}")
    .replaceAll(/(?:\{\})+/g, "{}");
}

test("French is set with its own spaces, dates and units", () => {
  const { t, date, moment, bytes, number } = TONGUES.fr;
  assert.equal(t("stop.title"), "Arrêter le partage\u202f?");
  assert.match(t("event.title", { type: "x" }), /«\u00a0x\u00a0»/);
  assert.equal(date(new Date("2026-02-01T12:00:00Z")), "1er février 2026");
  assert.equal(moment(new Date("2026-11-25T13:05:00Z")), "25 novembre 2026 à 14\u00a0h\u00a005");
  assert.equal(bytes(1_234_500_000), "1,2\u202fGo");
  assert.equal(number(1234.5), "1\u202f234,5");
});
