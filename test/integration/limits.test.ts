import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startPlatform } from "../../src/sandbox/platform/platform.ts";
import { DAILY, startFaultWorld, type FaultWorld } from "../support/fault-relais.ts";

const KIB = 1024;
let world: FaultWorld;

before(async () => {
  world = await startFaultWorld({
    customers: {
      many: { [DAILY]: { numbered: 60 } },
      sizes: { "energy.bills": { large: [10 * KIB, 200 * KIB, 20 * KIB] } },
      empty: { [DAILY]: { numbered: 0 } },
    },
    accounts: ["many-space", "sizes-space", "empty-space"],
    settings: { RELAIS_MAX_ITEMS: "50", RELAIS_MAX_ITEM_BYTES: String(100 * KIB) },
  });
  await world.start("web,worker,sweeper");
});
after(() => world?.[Symbol.asyncDispose]());

async function carry(name: string, datasets: string[], more: object = {}) {
  const person = await world.person({ sourceAccount: name, destinationAccount: `${name}-space`, ...more });
  const consent = await person.consent(datasets);
  const { id } = await person.transfer(consent);
  return { person, consent, id };
}

const omissionsOf = async (id: Awaited<ReturnType<typeof carry>>["id"]) =>
  (await world.store.read((r) => r.transfers.items(id, { state: "omitted", limit: 100 }))).map(({ key, reason }) => [key, reason]);

test("more items than RELAIS_MAX_ITEMS: the transfer fails, and the operator is named", async () => {
  const { id } = await carry("many", [DAILY]);
  const { state, reason, actor } = await world.ended(id);
  assert.deepEqual([state, reason, actor], ["failed", "too_large", "operator"]);
  assert.deepEqual(world.witness.items("many-space"), []);
});

test("an item larger than RELAIS_MAX_ITEM_BYTES stays behind with its reason, and the others arrive", async () => {
  const { id } = await carry("sizes", ["energy.bills"]);
  assert.equal((await world.ended(id)).state, "partial");
  assert.deepEqual(await omissionsOf(id), [["large-1.bin", "too_large"]]);
  assert.deepEqual(
    world.witness.items("sizes-space").map(({ key }) => key),
    ["large-0.bin", "large-2.bin"],
  );
});

test("a data set without any item is verified: nothing was there, and nothing is missing", async () => {
  const { id } = await carry("empty", [DAILY]);
  assert.equal((await world.ended(id)).state, "verified");
});

test("a destination without room says so before the first byte: nothing is half done, and the platform can mend it", async () => {
  await using small = await startPlatform({
    dataDir: join(world.dir, "small"),
    seed: "1",
    relais: world.url,
    host: "127.0.0.1",
    port: 0,
    capacity: 15 * KIB,
    extra: ["sizes-space"],
  });
  const destination = await world.register(small.entityId);
  const { id } = await carry("sizes", ["energy.bills"], { destination });
  const { state, reason, actor } = await world.ended(id);
  assert.deepEqual([state, reason, actor], ["failed", "too_large", "platform"]);
  assert.deepEqual(small.shelves.all("sizes-space"), []);
  // The operator's own limit was there before.
  assert.deepEqual(await omissionsOf(id), [["large-1.bin", "too_large"]]);
});

test("a destination that is away: the transfer waits, says whom it waits for, and arrives once it is back", async () => {
  const settings = {
    dataDir: join(world.dir, "away"),
    seed: "1",
    relais: world.url,
    host: "127.0.0.1",
    extra: ["empty-space", "sizes-space"],
  };
  const first = await startPlatform({ ...settings, port: 0 });
  const destination = await world.register(first.entityId);
  await first[Symbol.asyncDispose]();
  const { id } = await carry("sizes", ["energy.bills"], { destination });
  await sleep(2500);
  const events = await world.store.read((r) => r.transfers.events(id));
  const planned = events.findLast(({ kind }) => kind === "retry_planned");
  assert.deepEqual([planned?.actor, planned?.details["reason"]], ["platform", "peer_unavailable"]);
  await using _back = await startPlatform({ ...settings, port: Number(new URL(first.entityId).port) });
  assert.equal((await world.ended(id)).state, "partial");
  await rm(join(world.dir, "away"), { recursive: true, force: true });
});

test("one permission for one delivery: a second one under way or after a verified one is refused", async () => {
  const { person, consent, id } = await carry("empty", [DAILY]);
  await assert.rejects(person.transfer(consent), { code: "conflict", actor: "person" });
  assert.equal((await world.ended(id)).state, "verified");
  await assert.rejects(person.transfer(consent), { code: "conflict", actor: "person" });
});
