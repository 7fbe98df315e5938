import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { RelaisError } from "../../src/core/errors.ts";
import { newId, type TransferId } from "../../src/core/ids.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import type { Store } from "../../src/core/ports.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter } from "../support/fake-participants.ts";

const DATASET = "energy.consumption.daily";
let engine: Engine;
let store: Store;

before(async () => {
  engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]);
  ({ store } = engine);
});
after(() => engine[Symbol.asyncDispose]());

async function newTransfer(): Promise<TransferId> {
  const consent = await engine.consent([DATASET]);
  return (await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId })).id;
}
const claim = async (transferId: TransferId, epoch: number, leaseSeconds = 30) =>
  (await engine.ports.records.begin({ transferId, epoch }, { leaseSeconds, at: new Date() }))?.transfer ?? null;
const present = (id: TransferId) => store.read((r) => r.transfers.get(id));

test("a write that fails leaves nothing of it", async () => {
  const id = await newTransfer();
  const failing = store.write(async (w) => {
    await w.deliveries.addEvent(id, new Date(), { kind: "failed", actor: "relais" });
    await w.deliveries.interrupt(id, { state: "failed" });
    throw new Error("the caller changed its mind");
  });
  await assert.rejects(failing);
  assert.equal((await present(id)).state, "queued");
  assert.equal((await store.read((r) => r.transfers.events(id))).length, 1);
});

test("a rehearsal gives what its work gives, keeps nothing of it, and waits for nobody who appends to the log", async () => {
  const id = await newTransfer();
  const size = await store.read((r) => r.ledger.size());
  const entry = { kind: "condition" as const, at: new Date(), body: { act: "test" } };
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const appended = Promise.withResolvers<void>();
  const appending = store.write(async (w) => {
    await w.log.append(entry);
    appended.resolve();
    await held;
  });
  await appended.promise;
  const seen = await store.rehearse(async (w) => {
    await w.deliveries.interrupt(id, { state: "cancelled" });
    return { state: (await w.transfers.get(id)).state, place: await w.log.append(entry) };
  });
  release();
  await appending;
  assert.deepEqual(seen, { state: "cancelled", place: size });
  assert.equal((await present(id)).state, "queued");
  assert.equal(await store.read((r) => r.ledger.size()), size + 1);
  await assert.rejects(
    store.rehearse(async () => {
      throw new RelaisError("conflict", "Not possible.");
    }),
    { code: "conflict" },
  );
});

test("a reader sees one snapshot, whatever others commit meanwhile, and cannot write", async () => {
  const id = await newTransfer();
  const seen = await store.read(async (r) => {
    const first = await r.transfers.get(id);
    await store.write((w) => w.deliveries.interrupt(id, { state: "cancelled" }));
    return [first.state, (await r.transfers.get(id)).state];
  });
  assert.deepEqual(seen, ["queued", "queued"]);
  assert.equal((await present(id)).state, "cancelled");
  assert.ok(!("deliveries" in (await store.read(async (r) => r))));
});

test("of fifty parallel claims of one epoch one succeeds, and the epoch grows by one", async () => {
  const id = await newTransfer();
  const claims = await Promise.all(Array.from({ length: 50 }, () => claim(id, 0)));
  assert.equal(claims.filter(Boolean).length, 1);
  const { epoch, attempts, state } = await present(id);
  assert.deepEqual([epoch, attempts, state], [1, 1, "fetching"]);
});

test("a lease is held against everybody until it runs out by the database's clock, and renewing prolongs it", async () => {
  const id = await newTransfer();
  await claim(id, 0, 1);
  assert.equal(await claim(id, 1), null);
  assert.equal(await store.write((w) => w.deliveries.renew(id, 1, 3)), true);
  await sleep(1200);
  assert.equal(await claim(id, 1), null);
  assert.ok(!(await store.read((r) => r.transfers.due(1000))).some((due) => due.id === id));
  assert.equal(await store.write((w) => w.deliveries.change(id, 1, { release: true })), true);
  assert.equal((await claim(id, 1))?.epoch, 2);
});

test("fencing: an attempt of a past epoch changes and records nothing", async () => {
  const id = await newTransfer();
  await claim(id, 0, 1);
  await store.write((w) => w.deliveries.change(id, 1, { release: true }));
  await claim(id, 1);
  const item = { dataset: DATASET, key: "late", mediaType: "text/plain", bytes: 1, sha256: "A".repeat(43) };
  const before = await present(id);
  const answers = await store.write(async (w) => [
    await w.deliveries.change(id, 1, { state: "failed" }),
    await w.deliveries.renew(id, 1, 600),
    await w.deliveries.markItems(id, 1, [{ ...item, state: "stored" }]),
  ]);
  assert.deepEqual(answers, [false, false, false]);
  assert.deepEqual(await present(id), before);
  assert.deepEqual(await store.read((r) => r.transfers.items(id, { limit: 10 })), []);
  assert.equal((await store.read((r) => r.transfers.progress(id)))[0]?.expected, 0);
});

test("whoever ended a transfer and never heard so can change and write down nothing more", async () => {
  const id = await newTransfer();
  await claim(id, 0);
  await store.write((w) => w.deliveries.change(id, 1, { state: "failed" }));
  const before = await present(id);
  assert.equal(await store.write((w) => w.deliveries.change(id, 1, { dueInSeconds: 60, release: true })), false);
  assert.deepEqual(await present(id), before);
});

test("due in so many seconds, by the database's clock", async () => {
  const id = await newTransfer();
  await claim(id, 0);
  await store.write((w) => w.deliveries.change(id, 1, { dueInSeconds: 3600, release: true }));
  assert.equal(await claim(id, 1), null);
  await store.write((w) => w.deliveries.change(id, 1, { dueInSeconds: 0 }));
  assert.equal((await claim(id, 1))?.epoch, 2);
});

test("failures are counted in a row: what moved in between begins anew, what only waited is none, a past epoch counts nothing", async () => {
  const id = await newTransfer();
  await claim(id, 0);
  const tried = (outcome: "failed" | "waited", epoch = 1) => store.write((w) => w.deliveries.tried(id, epoch, outcome));
  const stored = (key: string) =>
    store.write((w) => w.deliveries.markItems(id, 1, [{ dataset: DATASET, key, state: "stored", bytes: 1, sha256: "A".repeat(43) }]));
  assert.deepEqual([await tried("failed"), await tried("failed"), await tried("failed")], [1, 2, 3]);
  await stored("one");
  assert.deepEqual([await tried("failed"), await tried("failed")], [1, 2]);
  await stored("one");
  assert.equal(await tried("failed"), 3, "the same again is nothing new");
  assert.deepEqual([await tried("waited"), await tried("failed"), await tried("failed", 0)], [0, 1, 0]);
});

test("an interruption takes the transfer away from whoever holds it, for ever where it ends it", async () => {
  const id = await newTransfer();
  const attempt = await claim(id, 0);
  await store.write((w) => w.deliveries.interrupt(id, { state: "cancelled", reason: "stopped", actor: "person" }));
  assert.equal(await store.write((w) => w.deliveries.change(id, attempt?.epoch ?? 0, { state: "delivering" })), false);
  assert.equal(await claim(id, (await present(id)).epoch), null);
  const { endedAt, leaseUntil } = await present(id);
  assert.ok(endedAt instanceof Date);
  assert.equal(leaseUntil, null);
});

test("what an attempt had moved when the transfer was taken away and ended is recorded, and nothing of an earlier attempt", async () => {
  const id = await newTransfer();
  await claim(id, 0);
  await store.write((w) => w.deliveries.change(id, 1, { release: true }));
  await claim(id, 1);
  const mark = { dataset: DATASET, key: "moved", state: "sent" as const, bytes: 1, sha256: "A".repeat(43) };
  await store.write((w) => w.deliveries.interrupt(id, { state: "cancelled", reason: "stopped", actor: "person" }));
  assert.equal(await store.write((w) => w.deliveries.markItems(id, 1, [mark])), false);
  assert.equal(await store.write((w) => w.deliveries.markItems(id, 2, [mark])), true);
  assert.equal((await store.read((r) => r.transfers.progress(id)))[0]?.sent, 1);
});

test("one document of each kind: the same again is nothing, another one is refused", async () => {
  const id = await newTransfer();
  const document = { id: newId("document"), transferId: id, kind: "receipt", jws: "a.b.c", createdAt: new Date() } as const;
  await store.write((w) => w.deliveries.addDocument(document));
  await store.write((w) => w.deliveries.addDocument({ ...document, id: newId("document") }));
  await assert.rejects(
    store.write((w) => w.deliveries.addDocument({ ...document, id: newId("document"), jws: "x.y.z" })),
    { code: "conflict" },
  );
  assert.deepEqual(
    (await store.read((r) => r.transfers.documents(id))).map(({ jws }) => jws),
    ["a.b.c"],
  );
});

test("the lines of a timeline are numbered without gaps, also when they come at once", async () => {
  const id = await newTransfer();
  await Promise.all(
    Array.from({ length: 20 }, () => store.write((w) => w.deliveries.addEvent(id, new Date(), { kind: "resumed", actor: "relais" }))),
  );
  const events = await store.read((r) => r.transfers.events(id));
  assert.deepEqual(
    events.map(({ sequence }) => sequence),
    Array.from({ length: 21 }, (_, index) => index + 1),
  );
});

test("a key stands for one request: the same gives the first transfer, another one is refused, and callers do not meet", async () => {
  const [first, second] = [newId("transfer"), newId("transfer")];
  const key = { caller: "https://a.test", key: '"k"', fingerprint: "f", transferId: first };
  const ask = (more: object) => store.write((w) => w.deliveries.claimKey({ ...key, ...more }));
  assert.equal(await ask({}), null);
  assert.equal(await ask({ transferId: second }), first);
  assert.equal(await ask({ caller: "https://b.test", transferId: second }), null);
  await assert.rejects(ask({ fingerprint: "g" }), { code: "idempotency_mismatch" });
});

test("two parallel first sign-ins give one person", async () => {
  const signIn = () =>
    store.write((w) => w.accounts.signIn({ id: newId("person"), issuer: "https://id.test", subject: "twice", createdAt: new Date() }));
  const people = await Promise.all(Array.from({ length: 10 }, signIn));
  assert.equal(new Set(people.map(({ id }) => id)).size, 1);
});

test("what is not there: `find` says null, `get` throws not_found", async () => {
  assert.equal(await store.read((r) => r.participants.findByEntityId("https://nobody.test")), null);
  await assert.rejects(
    store.read((r) => r.transfers.get(newId("transfer"))),
    { code: "not_found" },
  );
  await assert.rejects(
    store.read((r) => r.consents.get(newId("consent"))),
    { code: "not_found" },
  );
  await assert.rejects(
    store.read((r) => r.switches.get(newId("switch"))),
    { code: "not_found" },
  );
});

test("characters that no database keeps are a flaw of the request, in a column, in JSON and in a search", async () => {
  const now = new Date();
  const organisation = (name: string) => ({ id: newId("organisation"), name, country: "FR", status: "active", createdAt: now }) as const;
  await assert.rejects(
    store.write((w) => w.cases.addOrganisation(organisation("a\u0000"))),
    { code: "invalid" },
  );
  for (const character of ["\u0000", "\ud800"])
    await assert.rejects(
      store.write((w) => w.deliveries.addEvent(newId("transfer"), now, { kind: "failed", actor: "relais", details: { text: character } })),
      { code: "invalid" },
    );
  await assert.rejects(
    store.read((r) => r.registered.entries({ name: "\u0000", limit: 1 }, now)),
    { code: "invalid" },
  );
});
