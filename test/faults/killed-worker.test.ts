import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DAILY, startFaultWorld, until, type FaultWorld } from "../support/fault-relais.ts";

const ITEMS = 1500;
const ROUNDS = ["alpha", "beta"];
let world: FaultWorld;

before(async () => {
  world = await startFaultWorld({
    customers: Object.fromEntries([...ROUNDS, "stopped"].map((name) => [name, { [DAILY]: { numbered: ITEMS } }])),
    accounts: [...ROUNDS, "stopped"].map((name) => `${name}-space`),
  });
  await world.start("web");
});
after(() => world?.[Symbol.asyncDispose]());

const storedOf = async (transfer: string) =>
  (await world.witness.ledger()).filter((entry) => entry.event === "stored" && entry.transfer === transfer);

/** Each item once, its bytes those of its digest, and no file beside them: by Ancre's index and disk. */
async function assertEachOnce(account: string): Promise<void> {
  const items = world.witness.items(account);
  const files = await world.witness.files();
  assert.equal(items.length, ITEMS);
  assert.equal(new Set(items.map(({ file }) => file)).size, ITEMS);
  for (const item of items) assert.equal(files.get(item.file), item.sha256, item.key);
}

test("a worker killed in the middle, again and again: each item is there once, with one receipt, and nobody acted", async () => {
  await world.start("sweeper");
  for (const [round, name] of ROUNDS.entries()) {
    const worker = await world.start("worker");
    const person = await world.person({ sourceAccount: name, destinationAccount: `${name}-space` });
    const { id } = await person.transfer(await person.consent([DAILY]));
    await until("some items", async () => (await storedOf(id)).length > 150 + round * 700);
    await worker.kill("SIGKILL");
    const atKill = world.witness.items(`${name}-space`).length;
    assert.ok(atKill > 0 && atKill < ITEMS, `${atKill} items when the worker was killed`);
    const next = await world.start("worker");
    const { state, attempts } = await world.ended(id);
    assert.equal(state, "verified");
    assert.ok(attempts >= 2);
    await assertEachOnce(`${name}-space`);
    const completed = (await world.witness.ledger()).filter(
      (entry) => entry.path === `/inbox/transfers/${id}/complete` && entry.status === 200,
    );
    assert.equal(completed.length, 1);
    const documents = await world.store.read((r) => r.transfers.documents(id));
    assert.deepEqual(documents.map(({ kind }) => kind).sort(), ["manifest", "receipt"]);
    await next.kill("SIGTERM");
  }
  assert.equal(world.witness.receipts(), ROUNDS.length);
  const { size } = await world.witness.files();
  assert.equal(size, ITEMS * ROUNDS.length);
});

test("SIGTERM in the middle: the worker ends by itself with 0, and another one goes on where it stood", async () => {
  const worker = await world.start("worker");
  const person = await world.person({ sourceAccount: "stopped", destinationAccount: "stopped-space" });
  const { id } = await person.transfer(await person.consent([DAILY]));
  await until("some items", async () => (await storedOf(id)).length > 100);
  assert.deepEqual(await worker.kill("SIGTERM"), { code: 0, signal: null });
  const left = await world.store.read((r) => r.transfers.get(id));
  assert.equal(left.leaseUntil, null, "the lease was given back");
  assert.equal(left.endedAt, null, `the transfer is ${left.state}`);
  await world.start("worker");
  assert.equal((await world.ended(id)).state, "verified");
  await assertEachOnce("stopped-space");
});
