import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import type { NamedResult } from "../../src/core/conformance/name-criteria.ts";
import { probesFor } from "../../src/core/conformance/run-probes.ts";
import type { Look } from "../../src/core/conformance/probing.ts";
import { startHolder } from "../../src/sandbox/holder/holder.ts";
import { ANCRE, BAD_NAMES, BAD_PLATFORMS, type BadPlatform, type PlatformPersona } from "../../src/sandbox/platform/personas.ts";
import { startPlatform, type Platform } from "../../src/sandbox/platform/platform.ts";
import { freePort } from "../support/ports.ts";

const ROOT = join(import.meta.dirname, "../..");
const run = promisify(execFile);
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "relais-bad-"));
});
after(() => rm(folder, { recursive: true, force: true }));

interface Ran {
  code: number;
  output: string;
  seconds: number;
}

async function relais(...words: string[]): Promise<Ran> {
  const begun = performance.now();
  const ended = (code: number, { stdout, stderr }: { stdout: string; stderr: string }): Ran => ({
    code,
    output: stdout + stderr,
    seconds: (performance.now() - begun) / 1000,
  });
  return run(process.execPath, ["src/cli/relais.ts", ...words], { cwd: ROOT }).then(
    (said) => ended(0, said),
    (error: { code: number; stdout: string; stderr: string }) => ended(error.code, error),
  );
}

interface Looked extends Ran {
  results: NamedResult[];
  reports: Record<"json" | "junit" | "html", string>;
}

let reports = 0;

async function look(target: string, issuerPort: number, ...more: string[]): Promise<Looked> {
  const stem = join(folder, `report-${(reports += 1)}`);
  const files = { json: `${stem}.json`, junit: `${stem}.xml`, html: `${stem}.html` };
  const words = Object.entries(files).flatMap(([kind, file]) => [`--${kind}`, file]);
  const ran = await relais(
    "conformance",
    "run",
    "--target",
    target,
    "--issuer-port",
    String(issuerPort),
    "--allow-loopback",
    ...more,
    ...words,
  );
  const [json, junit, html] = await Promise.all(Object.values(files).map((file) => readFile(file, "utf8").catch(() => "")));
  const kept = { json: json as string, junit: junit as string, html: html as string };
  return { ...ran, reports: kept, results: kept.json === "" ? [] : (JSON.parse(kept.json) as { results: NamedResult[] }).results };
}

async function startAs(persona: PlatformPersona): Promise<{ platform: Platform; port: number }> {
  const port = await freePort();
  const relaisUrl = `http://127.0.0.1:${port}`;
  const platform = await startPlatform({ dataDir: folder, seed: "bad", relais: relaisUrl, host: "127.0.0.1", port: 0, persona });
  return { platform, port };
}

const failedOf = (results: NamedResult[]): string[] =>
  results.filter(({ outcome }) => outcome === "failed").flatMap(({ probe, criteria }) => criteria.map(({ id }) => `${probe} → ${id}`));

const SILENT = ["inbox.accepts", "inbox.resumes", "inbox.idempotent"].map((probe) => `${probe} → all-data`);
const UNPROVED = ["bad-digest", "bad-signature", "replay", "expired"].map((flaw) => `inbox.refuses-${flaw} → integrity-of-arrival`);

// What each must be found to do wrong, in the words of the charter: these and nothing else.
// oxfmt-ignore
const FOUND: Record<BadPlatform, string[]> = {
  passoire:  UNPROVED.filter((line) => !line.includes("bad-digest")),
  mirage:    ["inbox.idempotent → all-data", "receipt.truthful → truthful-receipts", "roundtrip.fidelity → reversibility"],
  oublieuse: ["inbox.resumes → all-data", "inbox.idempotent → all-data"],
  sourde:    ["security.txt → security-contact", "withdrawal.honoured → withdrawal-honoured"],
  muette:    [...SILENT, ...UNPROVED, "receipt.truthful → truthful-receipts", "withdrawal.honoured → withdrawal-honoured", "roundtrip.fidelity → reversibility"],
  faussaire: ["entity.configuration → entity-description", "entity.keys → entity-keys", "pages.privacy → privacy-page", "pages.incidents → incident-page"],
};

const unescaped = (text: string): string => text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));

/** The same in all three reports and on the terminal: check, criterion with its title, and how to repeat it. */
function assertToldEverywhere({ output, reports: { junit, html }, results }: Looked): void {
  const [xml, page] = [unescaped(junit), unescaped(html)];
  for (const { probe, criteria, reproduce, outcome } of results.filter((one) => one.outcome === "failed")) {
    assert.equal(outcome, "failed");
    for (const { id, title } of criteria) {
      assert.ok(title.fr.length > 5 && title.en.length > 5);
      assert.match(output, new RegExp(`criterion ${id}: `));
      assert.ok(output.includes(title.en) && xml.includes(`${id}: ${title.en}`), `${probe} ${id}`);
      assert.ok(page.includes(`<code>${id}</code> ${title.fr}`) && page.includes(title.en), `${probe} ${id}`);
    }
    for (const line of reproduce.split("\n"))
      assert.ok(
        [output, xml, page].every((text) => text.includes(line)),
        line,
      );
  }
  assert.equal((xml.match(/<failure /g) ?? []).length, results.filter(({ outcome }) => outcome === "failed").length);
}

describe("platforms that are bad on purpose", () => {
  for (const name of BAD_NAMES)
    test(`${name} fails what it does wrong, named with the criterion`, async () => {
      const { platform, port } = await startAs(BAD_PLATFORMS[name]);
      await using _platform = platform;
      // Who never answers is waited for: a second tells as much as twenty here.
      const looked = await look(platform.entityId, port, ...(name === "muette" ? ["--deadline", "1"] : []));
      assert.equal(looked.code, 3, looked.output);
      assert.deepEqual(failedOf(looked.results), FOUND[name], looked.output);
      assert.equal(looked.results.filter(({ outcome }) => outcome === "failed").length, FOUND[name].length, "each has a criterion");
      assertToldEverywhere(looked);
    });

  test("the reference platform passes", async () => {
    const { platform, port } = await startAs(ANCRE);
    await using _platform = platform;
    const { code, output, results } = await look(platform.entityId, port);
    assert.equal(code, 0, output);
    assert.deepEqual(failedOf(results), []);
    assert.ok(results.every(({ criteria }) => criteria.length === 1));
  });

  // oxfmt-ignore
  const HOLDERS: [fault: "needs-no-consent" | "ignores-narrowing" | "changes-on-export", found: string[]][] = [
    ["needs-no-consent",  ["export.refuses-without-consent → export-guarded", "export.honours-narrowing → export-guarded", "withdrawal.honoured → withdrawal-honoured"]],
    ["ignores-narrowing", ["export.honours-narrowing → export-guarded"]],
  ];
  for (const [fault, found] of HOLDERS)
    test(`a holder that ${fault}`, async () => {
      const port = await freePort();
      const where = { dataDir: folder, seed: "bad", relais: `http://127.0.0.1:${port}`, host: "127.0.0.1", port: 0 };
      await using holder = await startHolder({ ...where, holder: "energy", faults: [fault] });
      const { code, results, output } = await look(holder.entityId, port);
      assert.equal(code, 3, output);
      assert.deepEqual(failedOf(results), found, output);
    });
});

const shell = (line: string): Promise<string> =>
  run("bash", ["-c", line], { cwd: folder, timeout: 20_000 }).then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  );

// Lines that need nothing but a shell: what each prints at the good platform, and at a bad one.
// oxfmt-ignore
const BY_HAND: [probe: string, good: RegExp, bad: { persona: BadPlatform; prints: RegExp } | null][] = [
  ["domain.control",               /no challenge/,             null],
  ["entity.configuration",         /^HTTP\/1\.1 200[\s\S]*eyJ/, null],
  ["entity.keys",                  /"jwks":\{"keys":\[\{"kty"/, null],
  ["security.txt",                 /^HTTP\/1\.1 200[\s\S]*Contact: mailto:/, { persona: "sourde", prints: /^HTTP\/1\.1 404/ }],
  ["pages.privacy",                /^HTTP\/1\.1 200/,          null],
  ["pages.incidents",              /^HTTP\/1\.1 200/,          null],
  ["inbox.refuses-bad-signature",  /^HTTP\/1\.1 401/,          { persona: "passoire", prints: /^HTTP\/1\.1 412/ }],
];

describe("what a report says about repeating a check", () => {
  for (const [probe, good, bad] of BY_HAND)
    test(`${probe}: the line works in a shell`, async () => {
      for (const [persona, wanted] of [[ANCRE, good], ...(bad ? [[BAD_PLATFORMS[bad.persona], bad.prints]] : [])] as [
        PlatformPersona,
        RegExp,
      ][]) {
        const { platform, port } = await startAs(persona);
        await using _platform = platform;
        const { results } = await look(platform.entityId, port, "--only", probe);
        const line = String(results[0]?.reproduce).split("\n")[0] as string;
        assert.match(await shell(line), wanted, line);
      }
    });

  test("a signed request is made by a command, counts once, and a wrong body does not fit it", async () => {
    const { platform, port } = await startAs(ANCRE);
    await using _platform = platform;
    const { stdin, line, ended } = await signing(
      port,
      "--target",
      platform.entityId,
      "--url",
      `${platform.entityId}/inbox/transfers/trf_unknown`,
    );
    assert.match(await shell(line), /^HTTP\/1\.1 404[\s\S]*never announced/);
    assert.match(await shell(line), /^HTTP\/1\.1 401[\s\S]*used before/);
    stdin.write("\n");
    assert.equal(await ended, 0);
  });

  test("a request under a token is made by a command, and is over when it ends", async () => {
    const { platform, port } = await startAs(ANCRE);
    await using _platform = platform;
    const { results } = await look(platform.entityId, port, "--only", "withdrawal.honoured");
    const words = /^relais conformance sign (.*?) {3}#/.exec(String(results[0]?.reproduce))?.[1] ?? "";
    const { stdin, line, ended } = await signing(port, ...words.split(" ").map((word) => word.slice(1, -1)));
    assert.match(await shell(line), /^HTTP\/1\.1 200[\s\S]*"datasets"/);
    stdin.write("\n");
    assert.equal(await ended, 0);
  });

  test("an address that a participant made up does nothing in the shell of whoever copies the line", async () => {
    const evil = (path: string): string => `http://127.0.0.1:9/${path}$(touch pwned);touch pwned;'touch pwned\`touch pwned\``;
    const about = { policyUri: evil("p"), incidentsUri: evil("i"), testAccount: "nobody", country: "FR", privacyContact: "x" };
    const datasets = ["a';touch pwned;'", "$(touch pwned)"].map((id) => ({ id }));
    const participant = {
      entityId: evil("e"),
      roles: ["platform", "holder"],
      endpoints: { inbox: evil("n"), export: evil("x") },
      about,
      datasets,
    };
    const hostile = { participant } as unknown as Look;
    const lines = probesFor({ roles: ["platform", "holder"] }).map((probe) => probe.reproduce(hostile));
    assert.ok(lines.length > 15);
    for (const line of lines) await shell(line.replace(/^relais /gm, "echo ").replace(/^curl /gm, "echo "));
    await assert.rejects(stat(join(folder, "pwned")), { code: "ENOENT" });
  });
});

/** `relais conformance sign`, up to the command that it prints. */
async function signing(port: number, ...words: string[]) {
  const all = ["src/cli/relais.ts", "conformance", "sign", "--issuer-port", String(port), "--allow-loopback", ...words];
  const child = execFile(process.execPath, all, { cwd: ROOT });
  const ended = once(child, "exit").then(([code]) => code as number);
  let said = "";
  for await (const chunk of child.stdout as AsyncIterable<string>) {
    said += chunk;
    if (said.includes("\n")) break;
  }
  return { stdin: child.stdin as NonNullable<typeof child.stdin>, line: said.trim(), ended };
}

describe("a target that does not answer as one should", () => {
  // oxfmt-ignore
  const STRANGE: [string, RequestListener][] = [
    ["hangs",            () => undefined],
    ["resets",           (request) => void request.socket.resetAndDestroy()],
    ["answers garbage",  (_request, response) => void response.end("\u0000\u0001<<garbage>>{[")],
    ["answers 100 MB",   (_request, response) => { const piece = Buffer.alloc(1 << 20, "x"); let left = 100; const more = (): void => { while (left-- > 0) if (!response.write(piece)) return void response.once("drain", more); response.end(); }; more(); }],
  ];
  for (const [what, listener] of STRANGE)
    test(`${what}: results in bounded time, and exit code 3`, async () => {
      const server = createServer(listener).listen(0, "127.0.0.1");
      await once(server, "listening");
      const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { code, results, output, seconds } = await look(target, 0, "--deadline", "2");
      server.close();
      server.closeAllConnections();
      assert.equal(code, 3, output);
      assert.ok(failedOf(results).includes("entity.configuration → entity-description"), output);
      assert.ok(results.filter(({ probe }) => probe.startsWith("inbox.")).every(({ outcome }) => outcome === "not_run"));
      assert.ok(seconds < 90, `${seconds} s`);
    });

  test("nobody listens: the same", async () => {
    const { code, results, output } = await look(`http://127.0.0.1:${await freePort()}`, 0);
    assert.equal(code, 3, output);
    assert.ok(failedOf(results).includes("entity.configuration → entity-description"), output);
  });
});
