import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { startTrialBroker, type TrialBroker } from "../../src/cli/trial-broker.ts";
import type { ProbeResult } from "../../src/core/conformance/probe.ts";
import { PROPOSAL_PROBES } from "../../src/core/conformance/proposal-probes.ts";
import { redacted, runProbes } from "../../src/core/conformance/run-probes.ts";
import { participantFrom } from "../../src/core/register/participant-metadata.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { startHolder } from "../../src/sandbox/holder/holder.ts";
import type { Fault } from "../../src/sandbox/platform/personas.ts";
import { startPlatform } from "../../src/sandbox/platform/platform.ts";
import { freePort } from "../support/ports.ts";

let broker: TrialBroker;
let folder: string;

before(async () => {
  broker = await startTrialBroker({ port: 0, allowLoopback: true });
  folder = await mkdtemp(join(tmpdir(), "relais-probes-"));
});
after(async () => {
  await broker[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function read(entityId: string): Promise<Participant> {
  return { ...participantFrom(await broker.entityConfigurations.fetch(entityId)), id: "prt_x", status: "registered" };
}

async function look(participant: Participant, challenge: string | null = null): Promise<ProbeResult[]> {
  return runProbes(broker.ports, { participant, challenge, signal: new AbortController().signal });
}

const failedIn = (results: ProbeResult[]): string[] =>
  results.filter(({ outcome }) => outcome === "failed").map(({ probe, detail }) => `${probe}: ${detail.en}`);
const namesIn = (results: ProbeResult[]): string[] => results.filter(({ outcome }) => outcome === "failed").map(({ probe }) => probe);

let folders = 0;
const platform = (faults: Fault[] = []) =>
  startPlatform({ dataDir: join(folder, `p${(folders += 1)}`), seed: "probes", relais: broker.issuer, host: "127.0.0.1", port: 0, faults });

describe("a participant that does everything right", () => {
  test("a platform passes every check, with the value that shows control of its name", async () => {
    await using ancre = await platform();
    const participant = await read(ancre.entityId);
    await writeFile(join(folder, `p${folders}`, "ancre", "challenge.txt"), "relais-challenge=abc\nanother=1\n");
    const results = await look(participant, "relais-challenge=abc");
    assert.deepEqual(failedIn(results), []);
    assert.equal(results.filter(({ outcome }) => outcome === "passed").length, results.length);
    assert.deepEqual(namesIn(await look(participant, "relais-challenge=other")), ["domain.control"]);
  });

  test("what a trial leaves is gone from the test account", async () => {
    await using ancre = await platform();
    await look(await read(ancre.entityId));
    assert.deepEqual(
      ancre.shelves.all("conformance-account").filter(({ key }) => key === "large.bin"),
      [],
    );
  });

  test("a holder passes every check", async () => {
    await using holder = await startHolder({
      holder: "energy",
      dataDir: folder,
      seed: "probes",
      relais: broker.issuer,
      host: "127.0.0.1",
      port: 0,
    });
    const results = await look(await read(holder.entityId));
    assert.deepEqual(failedIn(results), []);
    for (const probe of ["export.lists-datasets", "export.tells-changes", ...PROPOSAL_PROBES.map(({ name }) => name)])
      assert.equal(results.find((one) => one.probe === probe)?.outcome, "passed", probe);
    const answered = results.find(({ probe }) => probe === "proposals.answers-each");
    assert.match(answered?.detail.en ?? "", /one answer for each: 1 accepted, 0 waiting, 1 refused with its reason/);
    const before = await read(holder.entityId);
    const silent = { ...before, datasets: before.datasets.map(({ acceptsProposals: _taken, ...one }) => one) };
    const outcomes = (await look(silent)).filter(({ probe }) => probe.startsWith("proposals.")).map(({ outcome }) => outcome);
    assert.deepEqual(
      outcomes,
      Array.from(PROPOSAL_PROBES, () => "not_run"),
      "who takes none is not looked at",
    );
  });
});

// Each fault, and the checks that it must fail: these and no others.
// oxfmt-ignore
const FAULTS: [Fault, string[]][] = [
  ["trusts-everybody",   ["inbox.refuses-bad-signature", "inbox.refuses-replay", "inbox.refuses-expired"]],
  ["accepts-replay",     ["inbox.refuses-replay"]],
  ["stores-other-bytes", ["inbox.accepts", "inbox.idempotent", "inbox.refuses-bad-digest", "receipt.truthful", "roundtrip.fidelity"]],
  ["lies-in-receipt",    ["inbox.idempotent", "receipt.truthful"]],
  ["ignores-stop",       ["withdrawal.honoured"]],
  ["hides-contact",      ["security.txt"]],
];

for (const [fault, wanted] of FAULTS)
  test(`a platform that ${fault} fails ${wanted.join(", ")}`, async () => {
    await using ancre = await platform([fault]);
    assert.deepEqual(namesIn(await look(await read(ancre.entityId))), wanted);
  });

// The same at an organisation that takes proposals.
// oxfmt-ignore
const PROPOSAL_FAULTS: [Fault, string[]][] = [
  ["trusts-everybody",   ["proposals.refuses-bad-signature", "proposals.refuses-replay"]],
  ["accepts-replay",     ["proposals.refuses-replay"]],
  ["lies-in-receipt",    ["proposals.answers-each", "proposals.idempotent"]],
];

// And as a source.
// oxfmt-ignore
const SOURCE_FAULTS: [Fault, string[]][] = [
  ["lists-everything",   ["export.tells-changes"]],
];

for (const [fault, wanted] of [...PROPOSAL_FAULTS, ...SOURCE_FAULTS])
  test(`a holder that ${fault} fails ${wanted.join(", ")}`, async () => {
    const dataDir = join(folder, `h${(folders += 1)}`);
    await using holder = await startHolder({
      holder: "energy",
      dataDir,
      seed: "probes",
      relais: broker.issuer,
      host: "127.0.0.1",
      port: 0,
      faults: [fault as "accepts-replay"],
    });
    assert.deepEqual(namesIn(await look(await read(holder.entityId))), wanted);
  });

describe("a participant that does not answer as it should", () => {
  // oxfmt-ignore
  const ANSWERS: [string, RequestListener][] = [
    ["says nothing",         (_request, response) => void response.destroy()],
    ["fails",                (_request, response) => void response.writeHead(500).end("oops")],
    ["answers a page",       (_request, response) => void response.setHeader("content-type", "text/html").end("<h1>Welcome</h1>")],
    ["redirects elsewhere",  (_request, response) => void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end()],
    ["answers without end",  (_request, response) => { response.writeHead(200, { "content-type": "text/plain" }); const more = setInterval(() => response.write("x".repeat(65_536)), 1); response.on("close", () => clearInterval(more)); }],
  ];
  for (const [what, listener] of ANSWERS)
    test(`${what}: every check ends as a result`, async () => {
      const server = createServer(listener).listen(0, "127.0.0.1");
      await once(server, "listening");
      const entityId = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const participant: Participant = {
        id: "prt_x",
        entityId,
        name: "Strange",
        roles: ["platform"],
        adapter: "self-data",
        endpoints: { inbox: `${entityId}/inbox`, export: `${entityId}/export` },
        keys: [],
        datasets: [],
        about: { country: "FR", privacyContact: "x", testAccount: "nobody", policyUri: `${entityId}/privacy` },
        status: "registered",
        client: null,
      };
      const results = await look(participant);
      assert.ok(results.length > 10);
      assert.ok(
        results.filter(({ probe }) => probe.startsWith("inbox.")).every(({ outcome }) => outcome === "failed"),
        JSON.stringify(results),
      );
      server.close();
      server.closeAllConnections();
    });
});

test("results hold no token, signature or account name", () => {
  const about = { country: "FR", privacyContact: "x", testAccount: "nobody-4711" };
  const dirty =
    "DPoP abcdefghijklmnopqrst eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.sig_nature nobody-4711 relais=:MEUCIQDabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP==:";
  assert.equal(redacted(dirty, { about }), "[…] […] […] relais=[…]");
});

test("on the command line: reports in three forms, and an exit code that a build server understands", async () => {
  const port = await freePort();
  await using ancre = await startPlatform({
    dataDir: join(folder, "cli"),
    seed: "probes",
    relais: `http://127.0.0.1:${port}`,
    host: "127.0.0.1",
    port: 0,
    faults: ["hides-contact"],
  });
  const file = (name: string): string => join(folder, name);
  const words = ["conformance", "run", "--target", ancre.entityId, "--issuer-port", String(port), "--allow-loopback"];
  const reports = ["--json", file("r.json"), "--junit", file("r.xml"), "--html", file("r.html")];
  const run = promisify(execFile)(process.execPath, ["src/cli/relais.ts", ...words, ...reports], {
    cwd: join(import.meta.dirname, "../.."),
  });
  const failure = await run.then(
    () => assert.fail("it must say that a check failed"),
    (error: { code: number; stdout: string }) => error,
  );
  assert.equal(failure.code, 3, failure.stdout);
  assert.match(failure.stdout, /FAILED security\.txt .*answers 404/);
  const report = JSON.parse(await readFile(file("r.json"), "utf8")) as { results: ProbeResult[] };
  assert.deepEqual(namesIn(report.results), ["security.txt"]);
  assert.match(await readFile(file("r.xml"), "utf8"), /<testsuite [^>]*failures="1" skipped="1"/);
  assert.match(await readFile(file("r.html"), "utf8"), /<tr class="failed"><th scope="row"><code>security\.txt/);
});
