import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { newId } from "../../src/core/ids.ts";
import type { AttemptRecords, Begun, Step } from "../../src/core/transfer/attempt-records.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import type { Transfer } from "../../src/core/transfer/transfer.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { until } from "../support/fault-relais.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";

const DATASET = "energy.consumption.daily";
let engine: Engine;
let records: AttemptRecords;

before(async () => {
  engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]);
  ({ records } = engine.ports);
});
after(() => engine[Symbol.asyncDispose]());

async function queued(): Promise<Transfer> {
  const consent = await engine.consent([DATASET]);
  return requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId });
}
const begin = ({ id, epoch }: Transfer, leaseSeconds = 30) => records.begin({ transferId: id, epoch }, { leaseSeconds, at: new Date() });
async function begun(): Promise<Begun> {
  const found = await begin(await queued());
  assert.ok(found);
  return found;
}
const step = ({ transfer }: Begun, written: Partial<Step>) => records.step(transfer, { events: [], ...written }, new Date());
const present = ({ id }: Transfer) => engine.store.read((r) => r.transfers.get(id));
const kinds = async ({ id }: Transfer) =>
  (await engine.store.read((r) => r.transfers.events(id))).map(({ kind, sequence }) => [sequence, kind]);
const item = (key: string) => ({ dataset: DATASET, key, mediaType: "text/plain", bytes: 4, sha256: null });

test("a lease is taken once of any number that ask at the same moment, and the right comes with it", async () => {
  const transfer = await queued();
  const found = (await Promise.all(Array.from({ length: 20 }, () => begin(transfer)))).filter((one) => one !== null);
  assert.equal(found.length, 1);
  const [{ transfer: taken, manifest, ground }] = found as [Begun];
  assert.deepEqual({ ...taken, leaseUntil: null }, { ...(await present(transfer)), leaseUntil: null });
  assert.deepEqual([taken.state, taken.epoch, taken.attempts, manifest], ["fetching", 1, 1, null]);
  assert.ok(taken.leaseUntil && taken.leaseUntil.getTime() > Date.now() + 20_000);
  assert.deepEqual(ground?.consent, await engine.store.read((r) => r.consents.get(transfer.consentId)));
  assert.deepEqual(
    await ground?.reader.people.getLink(ground.consent.destinationLinkId),
    await engine.store.read((r) => r.people.getLink(ground.consent.destinationLinkId)),
  );
  assert.deepEqual(await kinds(transfer), [
    [1, "requested"],
    [2, "attempt_started"],
  ]);
  assert.equal(await begin(taken), null, "it is held");
  assert.equal(await begin(transfer), null, "its epoch is past");
});

test("what nobody may carry is not taken: not due, ended, unknown", async () => {
  const later = await queued();
  await engine.store.write((w) => w.deliveries.change(later.id, 0, { dueAt: new Date(Date.now() + 60_000) }));
  const ended = await queued();
  await engine.store.write((w) => w.deliveries.interrupt(ended.id, { state: "cancelled" }));
  for (const transfer of [later, { ...ended, epoch: 1 }, { ...later, id: newId("transfer") }]) assert.equal(await begin(transfer), null);
});

test("a step is written whole, by the attempt that owns the transfer alone", async () => {
  const attempt = await begun();
  const { transfer } = attempt;
  const marks = [{ dataset: DATASET, key: "left", state: "omitted" as const, reason: "unsafe_name" as const }];
  const listing: Partial<Step> = {
    state: "delivering",
    events: [
      { kind: "source_counted", actor: "holder", details: { items: 3 }, at: new Date("2026-11-01T10:00:00Z") },
      { kind: "delivering", actor: "relais" },
    ],
    expected: [{ dataset: DATASET, items: 3, bytes: 8 }],
    listed: [item("a"), item("b"), item("a"), item("left")],
    marks,
  };
  const before = await Promise.all([present(transfer), kinds(transfer)]);
  assert.equal(await step({ ...attempt, transfer: { ...transfer, epoch: 0 } }, listing), false);
  assert.deepEqual(await Promise.all([present(transfer), kinds(transfer)]), before);
  assert.equal(await step(attempt, listing), true);
  const [events, items, progress] = await engine.store.read(async (r) => [
    await r.transfers.events(transfer.id),
    await r.transfers.items(transfer.id, { limit: 10 }),
    await r.transfers.progress(transfer.id),
  ]);
  assert.deepEqual(
    events.map(({ sequence, kind, at }) => [sequence, kind, kind === "source_counted" ? at.toISOString() : null]),
    [
      [1, "requested", null],
      [2, "attempt_started", null],
      [3, "source_counted", "2026-11-01T10:00:00.000Z"],
      [4, "delivering", null],
    ],
  );
  assert.deepEqual(
    items.map(({ key, state, reason }) => [key, state, reason]),
    [
      ["a", "listed", null],
      ["b", "listed", null],
      ["left", "omitted", "unsafe_name"],
    ],
  );
  assert.equal(progress[0]?.expected, 3);
  // What is known keeps what it has come to, and the denominator never shrinks.
  assert.equal(await step(attempt, { marks: [{ dataset: DATASET, key: "a", state: "sent", bytes: 4, sha256: "x" }] }), true);
  assert.equal(await step(attempt, { listed: [item("a")], expected: [{ dataset: DATASET, items: 1, bytes: 1 }] }), true);
  const [first] = await engine.store.read((r) => r.transfers.items(transfer.id, { limit: 1 }));
  assert.deepEqual([first?.state, first?.sha256, first?.mediaType], ["sent", "x", "text/plain"]);
  assert.equal((await engine.store.read((r) => r.transfers.progress(transfer.id)))[0]?.expected, 3);
});

test("of a step that cannot be, nothing is written; and others that came with it are", async () => {
  const [illegal, second, good] = [await begun(), await begun(), await begun()];
  const document = (jws: string) => ({ id: newId("document"), kind: "manifest" as const, jws });
  await step(second, { state: "delivering" });
  await step(second, { state: "delivered", document: document("first") });
  const outcomes = await Promise.allSettled([
    step(illegal, { state: "verified", listed: [item("a")], events: [{ kind: "verified", actor: "relais" }] }),
    step(second, { document: document("another"), events: [{ kind: "delivered", actor: "relais" }] }),
    step(good, { state: "delivering", events: [{ kind: "delivering", actor: "relais" }] }),
  ]);
  assert.deepEqual(
    outcomes.map((one) => (one.status === "fulfilled" ? one.value : (one.reason as { code: string }).code)),
    ["conflict", "conflict", true],
  );
  assert.equal((await present(illegal.transfer)).state, "fetching");
  assert.deepEqual(await engine.store.read((r) => r.transfers.items(illegal.transfer.id, { limit: 1 })), []);
  assert.deepEqual((await kinds(second.transfer)).at(-1), [2, "attempt_started"]);
  assert.equal((await present(good.transfer)).state, "delivering");
  const again = await begin({ ...second.transfer, epoch: 1 });
  assert.equal(again, null, "it is still held");
});

test("the end gives the lease back, with the receipt and both lines; what is kept of an earlier attempt comes with the next lease", async () => {
  const attempt = await begun();
  const { transfer } = attempt;
  await step(attempt, { state: "delivering" });
  await step(attempt, { state: "delivered", document: { id: newId("document"), kind: "manifest", jws: "signed" } });
  await engine.store.write((w) => w.deliveries.change(transfer.id, 1, { release: true }));
  const next = await begin({ ...transfer, epoch: 1 });
  assert.deepEqual([next?.manifest, next?.transfer.state, next?.transfer.epoch], ["signed", "delivered", 2]);
  assert.equal(
    await step(next as Begun, {
      state: "verified",
      events: [
        { kind: "receipt_received", actor: "platform" },
        { kind: "verified", actor: "relais" },
      ],
      document: { id: newId("document"), kind: "receipt", jws: "receipt" },
    }),
    true,
  );
  const end = await present(transfer);
  assert.deepEqual([end.state, end.leaseUntil, end.endedAt instanceof Date], ["verified", null, true]);
  assert.equal(await begin({ ...transfer, epoch: 2 }), null);
});

test("a step that waits for whoever changes the row is written on what they leave", async () => {
  await using owned = new AsyncDisposableStack();
  const pool = owned.adopt(openPool(engine.url, 2), (open) => open.end());
  const attempt = await begun();
  const [later, changing] = [new Date(Date.now() + 3_600_000), await pool.connect()];
  await changing.query("begin");
  await changing.query("update transfers set expires_at = $1 where id = $2", [later, attempt.transfer.id]);
  const written = step(attempt, { state: "delivering", events: [{ kind: "delivering", actor: "relais" }] });
  const isWaiting = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
  try {
    await until("a step that waits", async () => (await pool.query(isWaiting)).rowCount === 1);
    await changing.query("commit");
  } finally {
    changing.release(true);
  }
  assert.equal(await written, true);
  const { state, expiresAt } = await present(attempt.transfer);
  assert.deepEqual([state, expiresAt], ["delivering", later]);
});

test("what is looked at is what the tables say then", async () => {
  const { transfer } = await begun();
  const look = () => records.look(transfer.id, new Date());
  assert.deepEqual([(await look()).state, (await look()).epoch, (await look()).ground?.consent.state], ["fetching", 1, "active"]);
  await withdrawConsent(engine.ports, { consentId: transfer.consentId, personId: engine.personId });
  const { state, epoch, ground } = await look();
  assert.deepEqual([state, epoch, ground?.consent.state], ["cancelled", 2, "withdrawn"]);
  await assert.rejects(records.look(newId("transfer"), new Date()), { code: "not_found" });
});

test("where the data sets stand counts from the statement on that says proved; what ends otherwise changes nothing", async () => {
  const starts = ({ transfer }: Begun) =>
    engine.store.read((r) => r.increments.starts(transfer.consentId, { passing: ["lost", "too_large"], mostOwed: 1 }));
  const [proved, stopped, owing] = [await begun(), await begun(), await begun()];
  const at = new Date("2026-11-01T10:00:00Z");
  const stands = [{ dataset: DATASET, kind: "position" as const, value: "here", at }];
  for (const attempt of [proved, stopped, owing]) {
    await step(attempt, { state: "delivering" });
    await step(attempt, { state: "delivered", stands });
    assert.deepEqual(await starts(attempt), [], "nothing is proved");
  }
  const left = (key: string, reason: "lost" | "unsupported") => ({ dataset: DATASET, key, state: "omitted" as const, reason });
  const deletions = [{ dataset: DATASET, key: "gone", outcome: "removed" as const }];
  await step(proved, { state: "partial", deletions, marks: [left("lost", "lost"), left("odd", "unsupported"), left("gone", "lost")] });
  const from = { kind: "position", value: "here" };
  assert.deepEqual(await starts(proved), [{ dataset: DATASET, from, at, owed: [{ key: "lost", mediaType: "application/octet-stream" }] }]);
  await step(owing, { state: "partial", marks: [left("one", "lost"), left("two", "lost")] });
  assert.equal((await starts(owing))[0]?.owed, null, "more than is asked for one by one");
  await engine.store.write((w) => w.deliveries.interrupt(stopped.transfer.id, { state: "cancelled" }));
  assert.deepEqual(await starts(stopped), []);
  await engine.store.write((w) => w.increments.forget(proved.transfer.consentId));
  assert.deepEqual(await starts(proved), []);
});

test("of a key that a step says two things of, the later one is written", async () => {
  const attempt = await begun();
  const mark = (sha256: string) => ({ dataset: DATASET, key: "twin", state: "sent" as const, bytes: 4, sha256 });
  assert.equal(await step(attempt, { marks: [mark("first"), mark("second")] }), true);
  const [twin] = await engine.store.read((r) => r.transfers.items(attempt.transfer.id, { limit: 1 }));
  assert.equal(twin?.sha256, "second");
});
