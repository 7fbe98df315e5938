import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CompactSign, exportJWK, generateKeyPair, type CryptoKey } from "jose";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { newId } from "../../src/core/ids.ts";
import type { PublicJwk } from "../../src/core/register/participant.ts";
import { RECEIPT_TYPE, sha256, type Receipt } from "../../src/core/transfer/manifest.ts";
import { readTransfer } from "../../src/core/transfer/read-transfer.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { runTransfer } from "../../src/core/transfer/run-transfer.ts";
import { sweepTransfers } from "../../src/core/transfer/sweep-transfers.ts";
import type { Transfer } from "../../src/core/transfer/transfer.ts";
import { createVerifier } from "../../src/keys/verifier.ts";
import { startEngine, type Engine } from "../support/engine.ts";
import { fakeAccount, fakeAdapter, numberedItems, type FakeAccount } from "../support/fake-participants.ts";

const DATASET = "energy.consumption.daily";

async function prepare(
  source: FakeAccount,
  destination: FakeAccount,
  options: Parameters<typeof fakeAdapter>[2] = {},
): Promise<{ engine: Engine; transfer: Transfer }> {
  const engine = await startEngine(fakeAdapter(source, destination, options), [DATASET, "energy.bills"]);
  const consent = await engine.consent([DATASET]);
  return { engine, transfer: await requestTransfer(engine.ports, { consentId: consent.id, personId: engine.personId }) };
}

const look = async (engine: Engine, transfer: Transfer) =>
  readTransfer(engine.ports, { transferId: transfer.id, personId: engine.personId });

test("every item that was consented is stored, named in the receipt, and only then called verified", async () => {
  const [source, destination] = [fakeAccount({ items: numberedItems(DATASET, 230) }), fakeAccount()];
  const { engine, transfer } = await prepare(source, destination);
  await using _ = engine;
  assert.deepEqual(engine.rings, [{ transferId: transfer.id, epoch: 0 }]);
  assert.deepEqual(await runTransfer(engine.ports, engine.rings[0]!, engine.terms), { kind: "ended", state: "verified" });
  const view = await look(engine, transfer);
  assert.deepEqual(view.progress, [
    { dataset: DATASET, expected: 230, sent: 230, stored: 230, verified: 230, omitted: 0, bytes: view.progress[0]!.bytes },
  ]);
  assert.deepEqual(
    view.events.map((event) => event.kind),
    ["requested", "attempt_started", "source_counted", "delivering", "delivered", "receipt_received", "verified"],
  );
  assert.deepEqual(
    view.documents.map((document) => document.kind),
    ["manifest", "receipt"],
  );
  assert.equal(destination.calls.filter((call) => call.call === "put").length, 230);
});

test("what is only written with the next step is seen all the same: while a source takes its time, and where it then fails", async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const slow = async (call: string): Promise<void> => {
    if (call !== "list") return;
    await released;
    throw new RelaisError("peer_unavailable", "The source went away.");
  };
  const { engine, transfer } = await prepare(fakeAccount({ items: numberedItems(DATASET, 3), fault: slow }), fakeAccount());
  await using _ = engine;
  const kinds = async () => (await look(engine, transfer)).events.map(({ kind }) => kind);
  const running = runTransfer(engine.ports, engine.rings[0]!, engine.terms);
  while (!(await kinds()).includes("delivering")) await sleep(50);
  assert.equal((await look(engine, transfer)).progress[0]?.expected, 3);
  release();
  assert.deepEqual(await running, { kind: "waiting" });

  const fast = await prepare(
    fakeAccount({
      items: numberedItems(DATASET, 3),
      fault: (call) => {
        if (call === "list") throw new RelaisError("peer_unavailable", "The source went away.");
      },
    }),
    fakeAccount(),
  );
  await using _other = fast.engine;
  assert.deepEqual(await runTransfer(fast.engine.ports, fast.engine.rings[0]!, fast.engine.terms), { kind: "waiting" });
  assert.deepEqual(
    (await look(fast.engine, fast.transfer)).events.map(({ kind }) => kind),
    ["requested", "attempt_started", "source_counted", "delivering", "retry_planned"],
  );
});

test("the same ring again, and a ring of a past epoch, find nothing to do", async () => {
  const [source, destination] = [fakeAccount({ items: numberedItems(DATASET, 3) }), fakeAccount()];
  const { engine, transfer } = await prepare(source, destination);
  await using _ = engine;
  const ring = { transferId: transfer.id, epoch: 0 };
  const results = await Promise.all([
    runTransfer(engine.ports, ring, engine.terms),
    runTransfer(engine.ports, ring, engine.terms),
    runTransfer(engine.ports, ring, engine.terms),
  ]);
  assert.deepEqual(results.map((result) => result.kind).sort(), ["ended", "nothing", "nothing"]);
  assert.deepEqual(await runTransfer(engine.ports, ring, engine.terms), { kind: "nothing" });
  assert.equal(destination.calls.filter((call) => call.call === "complete").length, 1);
});

for (const step of ["announce", "list", "read", "put", "stored", "complete"]) {
  test(`a failure once at ${step} is made good by the next attempt, with one copy of each item and one receipt`, async () => {
    let broken = false;
    const fault = (call: string, item?: string) => {
      if (broken || call !== step || (item !== undefined && !/000042|50$/.test(item))) return;
      broken = true;
      throw new RelaisError("peer_unavailable", "The other side does not answer.", { retryAfter: 0 });
    };
    const [source, destination] = [fakeAccount({ items: numberedItems(DATASET, 120), fault }), fakeAccount({ fault })];
    const { engine, transfer } = await prepare(source, destination);
    await using _ = engine;
    assert.deepEqual(await runTransfer(engine.ports, { transferId: transfer.id, epoch: 0 }, engine.terms), { kind: "waiting" });
    assert.equal(broken, true);
    engine.rings.length = 0;
    assert.equal(await sweepTransfers(engine.ports), 1);
    assert.deepEqual(await runTransfer(engine.ports, engine.rings[0]!, engine.terms), { kind: "ended", state: "verified" });
    const view = await look(engine, transfer);
    assert.equal(view.progress[0]!.verified, 120);
    assert.equal(view.documents.length, 2);
    assert.equal(destination.stored.size, 120);
  });
}

test("an item that the destination loses or changes makes the transfer partial, and is named with its reason", async () => {
  const lie: FakeAccount["lie"] = (items) =>
    items.slice(1).map((item, index) => (index === 0 ? { ...item, "sha-256": "A".repeat(43) } : item));
  const [source, destination] = [fakeAccount({ items: numberedItems(DATASET, 10) }), fakeAccount({ lie })];
  const { engine, transfer } = await prepare(source, destination, { concurrency: 1 });
  await using _ = engine;
  assert.deepEqual(await runTransfer(engine.ports, { transferId: transfer.id, epoch: 0 }, engine.terms), {
    kind: "ended",
    state: "partial",
  });
  const view = await look(engine, transfer);
  assert.deepEqual(
    view.omissions.map((item) => [item.key, item.reason]),
    [
      ["item-000000", "lost"],
      ["item-000001", "changed"],
    ],
  );
  assert.equal(view.progress[0]!.stored, 8);
});

test("what the source counted and never listed keeps a transfer from being verified", async () => {
  const source = fakeAccount({ items: numberedItems(DATASET, 10), paging: () => null, pageSize: 7 });
  const { engine, transfer } = await prepare(source, fakeAccount());
  await using _ = engine;
  assert.deepEqual(await runTransfer(engine.ports, { transferId: transfer.id, epoch: 0 }, engine.terms), {
    kind: "ended",
    state: "partial",
  });
  assert.equal((await look(engine, transfer)).missing, 3);
});

const { publicKey, privateKey } = await generateKeyPair("ES256");
const PLATFORM_KEY = { ...(await exportJWK(publicKey)), kid: "platform", alg: "ES256" } as PublicJwk;
const stranger = await generateKeyPair("ES256");

/** A platform's receipt for exactly this transfer, but for `change`. */
function receipts(change: Partial<Receipt> = {}, key: CryptoKey = privateKey): NonNullable<FakeAccount["sign"]> {
  return (items, { transfer, consent, source, destination }, jws) => {
    const head = { transfer, consent, source, destination, manifest: sha256(jws), observed: false };
    const receipt = { iss: destination, iat: Math.floor(Date.now() / 1000), ...head, items, omissions: [], ...change };
    return new CompactSign(Buffer.from(JSON.stringify(receipt)))
      .setProtectedHeader({ alg: "ES256", kid: "platform", typ: RECEIPT_TYPE })
      .sign(key);
  };
}

async function runWithReceipt(sign: NonNullable<FakeAccount["sign"]>) {
  const { engine, transfer } = await prepare(fakeAccount({ items: numberedItems(DATASET, 3) }), fakeAccount({ sign }));
  await using _ = engine;
  await engine.store.write((w) => w.register.put({ ...engine.destination, keys: [PLATFORM_KEY] }));
  const ports = { ...engine.ports, verifier: createVerifier() };
  const result = await runTransfer(ports, { transferId: transfer.id, epoch: 0 }, engine.terms);
  const view = await look(engine, transfer);
  return { result, reason: view.transfer.reason, actor: view.transfer.actor, documents: view.documents.map(({ kind }) => kind) };
}

test("a receipt that the platform signed for this transfer is kept, and verifies it", async () => {
  const { result, documents } = await runWithReceipt(receipts());
  assert.deepEqual([result, documents], [{ kind: "ended", state: "verified" }, ["manifest", "receipt"]]);
});

const FOREIGN: [what: string, sign: NonNullable<FakeAccount["sign"]>][] = [
  ["another manifest", receipts({ manifest: "A".repeat(43) })],
  ["another transfer", receipts({ transfer: newId("transfer") })],
  ["another consent", receipts({ consent: newId("consent") })],
  ["another source", receipts({ source: "https://elsewhere.example" })],
  ["another destination", receipts({ destination: "https://elsewhere.example" })],
  ["another signer's name", receipts({ iss: "https://elsewhere.example" })],
  ["what it calls observed", receipts({ observed: true })],
  ["this transfer, with a key that is not the platform's", receipts({}, stranger.privateKey)],
];
for (const [what, sign] of FOREIGN) {
  test(`a receipt for ${what} is no proof: the transfer fails at the platform, and no receipt is kept`, async () => {
    assert.deepEqual(await runWithReceipt(sign), {
      result: { kind: "ended", state: "failed" },
      reason: "peer_protocol",
      actor: "platform",
      documents: ["manifest"],
    });
  });
}

// oxfmt-ignore
const REFUSALS: [name: string, source: Partial<FakeAccount>, state: string, reason: string | null, omission: string | null][] = [
  ["a page loop at the source", { paging: () => "0" }, "failed", "peer_protocol", null],
  ["bytes that are not those announced", { items: [{ dataset: DATASET, key: "a", content: Buffer.from("x"), announced: { bytes: 1, sha256: "A".repeat(43) } }] }, "partial", null, "changed"],
  ["more bytes than announced", { items: [{ dataset: DATASET, key: "a", content: Buffer.from("xyz"), announced: { bytes: 1, sha256: null } }] }, "partial", null, "too_large"],
  ["fewer bytes than announced", { items: [{ dataset: DATASET, key: "a", content: Buffer.from("x"), announced: { bytes: 3, sha256: null } }] }, "partial", null, "changed"],
  ["an item larger than the limit", { items: [{ dataset: DATASET, key: "a", content: Buffer.from("x"), announced: { bytes: 2 ** 31, sha256: null } }] }, "partial", null, "too_large"],
];

for (const [name, change, state, reason, omission] of REFUSALS) {
  test(`${name}: ${state}, nothing of it stored`, async () => {
    const destination = fakeAccount();
    const { engine, transfer } = await prepare(fakeAccount({ items: numberedItems(DATASET, 1), ...change }), destination);
    await using _ = engine;
    assert.deepEqual(await runTransfer(engine.ports, { transferId: transfer.id, epoch: 0 }, engine.terms), { kind: "ended", state });
    const view = await look(engine, transfer);
    assert.equal(view.transfer.reason, reason);
    assert.equal(view.omissions[0]?.reason ?? null, omission);
    if (omission !== null) assert.equal(destination.stored.size, 0);
  });
}

test("a withdrawal in the middle: no request to the destination starts later than one second after, and the timeline says who", async () => {
  const destination = fakeAccount({ fault: async (call) => void (call === "put" && (await sleep(20))) });
  const { engine, transfer } = await prepare(fakeAccount({ items: numberedItems(DATASET, 2000) }), destination);
  await using _ = engine;
  const running = runTransfer(engine.ports, { transferId: transfer.id, epoch: 0 }, engine.terms);
  while (destination.calls.filter(({ call }) => call === "put").length < 5) await sleep(10);
  assert.deepEqual(await withdrawConsent(engine.ports, { consentId: transfer.consentId, personId: engine.personId }), { stopped: 1 });
  const withdrawnAt = Date.now();
  await running;
  const puts = destination.calls.filter((call) => call.call === "put");
  assert.ok(puts.length > 0 && puts.length < 2000, `${puts.length} puts`);
  assert.ok(destination.calls.every((call) => call.at <= withdrawnAt + 1000));
  assert.equal(destination.calls.at(-1)!.call, "stop");
  const view = await look(engine, transfer);
  assert.equal(view.transfer.state, "cancelled");
  const stopped = view.events.findLast((event) => event.kind === "stopped");
  assert.deepEqual([stopped?.actor, stopped?.details], ["person", { reason: "consent_ended" }]);
});

test("a suspended participant pauses the transfer, and nothing moves", async () => {
  const destination = fakeAccount();
  const { engine, transfer } = await prepare(fakeAccount({ items: numberedItems(DATASET, 5) }), destination);
  await using _ = engine;
  await engine.store.write((w) => w.register.setStatus(engine.destination.id, "suspended"));
  assert.deepEqual(await runTransfer(engine.ports, { transferId: transfer.id, epoch: 0 }, engine.terms), { kind: "waiting" });
  const { transfer: paused } = await look(engine, transfer);
  assert.deepEqual([paused.state, paused.reason, destination.calls.length], ["paused", "not_accredited", 0]);
  const consent = await engine.consent([DATASET]).catch((error: RelaisError) => error.code);
  assert.equal(consent, "not_accredited");
});

test("a worker that froze past its lease can no longer write, and the next one finishes", async () => {
  const destination = fakeAccount();
  const { engine, transfer } = await prepare(fakeAccount({ items: numberedItems(DATASET, 20) }), destination);
  await using _ = engine;
  const claimed = (await engine.ports.records.begin({ transferId: transfer.id, epoch: 0 }, { leaseSeconds: 1, at: new Date() }))?.transfer;
  assert.equal(claimed?.epoch, 1);
  await sleep(1100);
  engine.rings.length = 0;
  await sweepTransfers(engine.ports);
  assert.deepEqual(engine.rings, [{ transferId: transfer.id, epoch: 1 }]);
  assert.deepEqual(await runTransfer(engine.ports, engine.rings[0]!, engine.terms), { kind: "ended", state: "verified" });
  assert.equal(await engine.store.write((w) => w.deliveries.change(transfer.id, 1, { state: "failed" })), false);
  assert.equal(
    await engine.store.write((w) => w.deliveries.markItems(transfer.id, 1, [{ dataset: DATASET, key: "item-000001", state: "omitted" }])),
    false,
  );
});

test("one hundred parallel requests with one idempotency key are one transfer; another request with that key is refused", async () => {
  const engine = await startEngine(fakeAdapter(fakeAccount(), fakeAccount()), [DATASET]);
  await using _ = engine;
  const [first, second] = [await engine.consent([DATASET]), await engine.consent([DATASET])];
  const request = { consentId: first.id, personId: engine.personId, caller: "https://platform.test", idempotencyKey: '"k"' };
  const transfers = await Promise.all(Array.from({ length: 100 }, () => requestTransfer(engine.ports, request)));
  assert.equal(new Set(transfers.map((transfer) => transfer.id)).size, 1);
  await assert.rejects(requestTransfer(engine.ports, { ...request, consentId: second.id }), { code: "idempotency_mismatch" });
});

test("an item that stands on two pages is one item, and stops nothing", async () => {
  const items = numberedItems(DATASET, 60);
  const { engine, transfer } = await prepare(fakeAccount({ items: [...items, items[0]!] }), fakeAccount());
  await using _ = engine;
  assert.deepEqual(await runTransfer(engine.ports, engine.rings[0]!, engine.terms), { kind: "ended", state: "partial" });
  const view = await look(engine, transfer);
  assert.deepEqual([view.progress[0]!.verified, view.events.at(-1)?.details["missing"]], [60, 1]);
});

test("a store that fails while the attempt is watched loses no state: what it could not write, the next step writes before its own", async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const slow = async (call: string): Promise<void> => (call === "list" ? released : undefined);
  const { engine, transfer } = await prepare(fakeAccount({ items: numberedItems(DATASET, 3), fault: slow }), fakeAccount());
  await using _ = engine;
  let failures = 0;
  const { records } = engine.ports;
  const step: typeof records.step = async (...asked) => {
    if (failures++ > 0) return records.step(...asked);
    release();
    throw new RelaisError("unavailable", "The database is restarting.");
  };
  const ports = { ...engine.ports, records: { ...records, step } };
  assert.deepEqual(await runTransfer(ports, engine.rings[0]!, engine.terms), { kind: "ended", state: "verified" });
  assert.ok(failures > 1);
  assert.deepEqual(
    (await look(engine, transfer)).events.map(({ kind }) => kind),
    ["requested", "attempt_started", "source_counted", "delivering", "delivered", "receipt_received", "verified"],
  );
});

test("little travels in one request: the lease, the manifest, and the receipt with the verdict are all that is written", async () => {
  const destination = fakeAccount({ takesCompactForm: true });
  // On three pages.
  const { engine, transfer } = await prepare(fakeAccount({ items: numberedItems(DATASET, 150) }), destination);
  await using _ = engine;
  let commits = 0;
  const { records } = engine.ports;
  const counted = {
    ...records,
    begin: (...asked: Parameters<typeof records.begin>) => (commits++, records.begin(...asked)),
    step: (...asked: Parameters<typeof records.step>) => (commits++, records.step(...asked)),
  };
  const store = { ...engine.ports.store, write: () => Promise.reject(new Error("nothing is written beside")) };
  const result = await runTransfer({ ...engine.ports, store, records: counted }, engine.rings[0]!, engine.terms);
  assert.deepEqual([result, commits], [{ kind: "ended", state: "verified" }, 3]);
  assert.deepEqual(
    destination.calls.map(({ call }) => call),
    ["handOver"],
  );
  const view = await look(engine, transfer);
  assert.equal(view.progress[0]!.verified, 150);
  assert.equal(view.documents.length, 2);
});
