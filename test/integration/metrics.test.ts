import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { MOST_MEASURED } from "../../src/core/operation/measures.ts";
import { secondsSinceWithdrawal } from "../../src/core/operation/since-withdrawal.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import type { Transfer } from "../../src/core/transfer/transfer.ts";
import { DATABASE_METRICS, PROCESS_METRICS } from "../../src/telemetry/metric-names.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { startOperationServer } from "../../src/telemetry/operation-server.ts";
import { freshDatabase } from "../support/database.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter, numberedItems } from "../support/fake-participants.ts";
import { freePort } from "../support/ports.ts";
import { startNode } from "../support/processes.ts";

const DATASET = "energy.consumption.daily";
const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;

async function ask(engine: Engine): Promise<Transfer> {
  const consent = await engine.consent([DATASET]);
  return requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
}

async function until<T>(look: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    await sleep(10);
  }
}

const measuresOf = (engine: Engine) => engine.store.read((r) => r.operation.measures());
const run = (engine: Engine, { id }: Transfer) => runTransfer(engine.ports, { transferId: id, epoch: 0 }, engine.terms);

test("each fact about the work is what the table says, for the whole and for each end", async () => {
  const source = fakeAccount({ items: numberedItems(DATASET, 3) });
  await using engine = await startEngine(fakeAdapter(source, fakeAccount()), [DATASET]);
  assert.deepEqual((await measuresOf(engine)).live, []);
  assert.equal((await measuresOf(engine)).oldestDueSeconds, 0);
  const [verified, failed, waiting] = [await ask(engine), await ask(engine), await ask(engine)];
  assert.equal((await run(engine, verified)).kind, "ended");
  source.fault = () => {
    throw new RelaisError("peer_refused", "No.");
  };
  assert.deepEqual(await run(engine, failed), { kind: "ended", state: "failed" });
  const held = await ask(engine);
  await engine.ports.records.begin({ transferId: held.id, epoch: 0 }, { leaseSeconds: 60, at: new Date() });
  const measures = await measuresOf(engine);
  assert.deepEqual(new Set(measures.live.map(({ state, count }) => `${state} ${count}`)), new Set(["queued 1", "fetching 1"]));
  assert.ok(measures.oldestDueSeconds > 0 && measures.oldestDueSeconds < 600);
  const byOutcome = (list: { outcome: string; count: number }[]) => list.map(({ outcome, count }) => `${outcome} ${count}`).sort();
  assert.deepEqual(byOutcome(measures.ended), ["failed 1", "verified 1"]);
  for (const [end, participant] of [
    ["source", engine.source.id],
    ["destination", engine.destination.id],
  ]) {
    const own = measures.participants.filter((one) => one.end === end && one.participant === participant);
    assert.deepEqual(byOutcome(own), byOutcome(measures.ended), end);
    assert.ok(own.every(({ medianSeconds }) => medianSeconds > 0 && medianSeconds < 600));
  }
  assert.deepEqual(measures.deadLetters.find(({ kind }) => kind === "transfer")?.count, 1);
  assert.ok(measures.oldestUnanchoredSeconds > 0, "nobody makes receipts here");
  assert.equal(measures.oldestUntoldWithdrawalSeconds, 0);
  await withdrawConsent(engine.ports, { consentId: waiting.consentId, personId: engine.personId });
  const since = (id: Transfer["id"]) => engine.store.read((r) => secondsSinceWithdrawal(r, id, new Date()));
  assert.equal(await since(held.id), null);
  assert.ok(((await since(waiting.id)) ?? -1) >= 0);
  const after = await measuresOf(engine);
  assert.ok(after.oldestUntoldWithdrawalSeconds > 0);
  assert.deepEqual([after.live, after.oldestDueSeconds], [[{ state: "fetching", count: 1 }], 0], "what somebody holds is not waited for");
});

test(`from ${MOST_MEASURED} participants on there are totals alone`, async () => {
  const source = fakeAccount({ items: numberedItems(DATASET, 1) });
  await using engine = await startEngine(fakeAdapter(source, fakeAccount()), [DATASET]);
  await run(engine, await ask(engine));
  const more = async (count: number) => {
    const { registered } = await engine.store.read(async (r) => ({ registered: await r.participants.get(engine.source.id) }));
    await engine.store.write(async (w) => {
      for (let index = 0; index < count; index++)
        await w.register.put({ ...registered, id: `prt_${String(index).padStart(22, "0")}`, entityId: `https://h${index}.test` });
    });
  };
  await more(MOST_MEASURED - 3);
  assert.equal((await measuresOf(engine)).participants.length, 2);
  await more(MOST_MEASURED - 2);
  const { participants, ended } = await measuresOf(engine);
  assert.deepEqual([participants, ended], [[], [{ outcome: "verified", count: 1 }]]);
});

test("a database that does not answer is said to be away, and nothing old is shown", async () => {
  await using engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]);
  const measures = await measuresOf(engine);
  let isAway = false;
  let asked = 0;
  const metrics = createMetrics({
    roles: ["sweeper"],
    isDraining: () => false,
    measures: async () => {
      asked++;
      if (isAway) throw new RelaisError("unavailable", "The database does not answer.");
      return measures;
    },
  });
  const both = await Promise.all([metrics.text(), metrics.text()]);
  assert.equal(asked, 1, "one question for all who ask at once");
  for (const text of both) assert.match(text, /^relais_database_up 1$/m);
  isAway = true;
  const fresh = createMetrics({ roles: ["sweeper"], isDraining: () => true, measures: async () => Promise.reject(new Error("away")) });
  const text = await fresh.text();
  assert.match(text, /^relais_database_up 0$/m);
  assert.match(text, /^relais_up\{roles="sweeper"\} 0$/m);
  assert.doesNotMatch(text, /^relais_transfer_oldest_due_seconds /m);
});

test("the operator's address says whether this process is alive and ready, and nothing else is there", async () => {
  const metrics = createMetrics({ roles: ["web"], isDraining: () => false, measures: null });
  let why: string | null = null;
  await using server = await startOperationServer({ host: "127.0.0.1", port: 0 }, { metrics, whyNotReady: async () => why });
  const at = async (path: string, method = "GET") => (await fetch(`http://127.0.0.1:${server.port}${path}`, { method })).status;
  assert.deepEqual([await at("/livez"), await at("/readyz"), await at("/metrics"), await at("/")], [200, 200, 200, 404]);
  assert.equal(await at("/metrics", "POST"), 404);
  why = "draining";
  assert.deepEqual([await at("/livez"), await at("/readyz")], [200, 503]);
});

test("the product answers them on their own address alone, by the names of the table, without a word about a person", async () => {
  await using database = await freshDatabase();
  const folder = await mkdtemp(join(tmpdir(), "relais-metrics-"));
  const [port, metricsPort] = [await freePort(), await freePort()];
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("RELAIS_"))),
    DATABASE_URL: database.url,
    RELAIS_DATA_DIR: folder,
    RELAIS_ROLES: "web,sweeper",
    RELAIS_PORT: String(port),
    RELAIS_METRICS_PORT: String(metricsPort),
  };
  {
    await using product = startNode([MAIN], { env });
    await product.line(/^relais ready/);
    const own = `http://127.0.0.1:${metricsPort}`;
    const text = await (await fetch(`${own}/metrics`)).text();
    const names = [...text.matchAll(/^# TYPE (relais_\w+) (\w+)$/gm)].map(([, name, kind]) => `${name} ${kind}`);
    const expected = Object.entries({ ...PROCESS_METRICS, ...DATABASE_METRICS }).map(([name, { kind }]) => `${name} ${kind}`);
    assert.deepEqual(names.sort(), expected.sort());
    assert.match(text, /^nodejs_eventloop_lag_p99_seconds /m);
    assert.doesNotMatch(text, /prs_|lnk_|cst_|trf_|@/);
    assert.equal((await fetch(`${own}/readyz`)).status, 200);
    const outside = await fetch(`http://127.0.0.1:${port}/metrics`);
    assert.equal(outside.status, 404);
    assert.doesNotMatch(await outside.text(), /relais_up/);
    const board = await fetch(`http://127.0.0.1:${port}/ops/queues`, { redirect: "manual" });
    assert.deepEqual([board.status, board.headers.get("location")?.slice(4)], [303, "sign-in?next=%2Fops%2Fqueues"]);
    // Somebody who is slow to ask keeps the drain open for a moment.
    const slow = connect(port, "127.0.0.1");
    slow.on("error", () => undefined);
    await once(slow, "connect");
    slow.write("GET /fr/ HTTP/1.1\r\nHost: ");
    await sleep(200);
    const ended = product.kill("SIGTERM");
    const ready = await until(async () => {
      const answer = await fetch(`${own}/readyz`);
      return answer.status === 503 ? await answer.text() : null;
    });
    assert.equal(ready, "draining\n");
    assert.equal((await fetch(`${own}/livez`)).status, 200, "it lives until it has drained");
    slow.destroy();
    assert.deepEqual(await ended, { code: 0, signal: null });
  }
  await rm(folder, { recursive: true });
});
