import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openKeyring } from "../../src/keys/keyring.ts";
import { RINGS as RING_TABLE } from "../../src/keys/rings.ts";
import { startFaultWorld, until, type FaultWorld } from "../support/fault-relais.ts";
import { judge, type Accepted } from "../support/outside-judge.ts";

const BILLS = "energy.bills";
const SIZES = [400_000, 300_000, 300_000];
const CLOCK = new URL("../support/skewed-clock.mjs", import.meta.url).href;
const RINGS = ["documents", "worker", "oauth", "federation"] as const;
const ACCOUNTS = ["soon", "late", "ahead", "behind", "rotated"];
let world: FaultWorld;

before(async () => {
  world = await startFaultWorld({
    customers: { many: { [BILLS]: { large: SIZES } } },
    accounts: ACCOUNTS.map((name) => `${name}-space`),
    fronted: true,
    // No lease has to run out here, and a busy machine must not make one run out.
    settings: { RELAIS_LEASE_SECONDS: "60" },
  });
  await world.start("web,sweeper");
});
after(() => world?.[Symbol.asyncDispose]());

async function begin(name: string): Promise<Accepted> {
  const account = `${name}-space`;
  const person = await world.person({ sourceAccount: "many", destinationAccount: account });
  return { id: (await person.transfer(await person.consent([BILLS]))).id, account };
}

const startSkewed = (seconds: number) =>
  world.start("worker", { NODE_OPTIONS: `--import ${CLOCK}`, CLOCK_SKEW_MILLISECONDS: String(seconds * 1000) });

for (const [name, seconds] of [
  ["soon", 10],
  ["late", -10],
] as const)
  test(`a worker whose clock is ${seconds} s wrong works`, async () => {
    await using _worker = await startSkewed(seconds);
    const accepted = await begin(name);
    assert.equal((await world.ended(accepted.id)).state, "verified");
    await judge(world, [accepted], SIZES.length);
  });

for (const [name, seconds] of [
  ["ahead", 300],
  ["behind", -300],
] as const)
  test(`a worker whose clock is ${seconds} s wrong is refused everywhere, tries no more often for it, and spoils nothing for one whose clock is right`, async () => {
    const wrong = await startSkewed(seconds);
    const accepted = await begin(name);
    await until("two attempts", async () => (await world.store.read((r) => r.transfers.get(accepted.id))).attempts >= 2);
    await sleep(4000);
    const { attempts, endedAt, dueAt } = await world.store.read((r) => r.transfers.get(accepted.id));
    assert.equal(endedAt, null);
    assert.ok(attempts < 8, `${attempts} attempts`);
    assert.ok(Math.abs(dueAt.getTime() - Date.now()) < 60_000, `due at ${dueAt.toISOString()}`);
    assert.equal(world.witness.items(accepted.account).length, 0);
    await using _right = await world.start("worker");
    await wrong.kill();
    assert.equal((await world.ended(accepted.id)).state, "verified");
    await judge(world, [accepted], SIZES.length);
  });

test("every key of Relais is rotated in the middle of a transfer: it ends verified, and what was signed before verifies still", async () => {
  await using _worker = await world.start("worker");
  let isReached = false;
  const { promise: rotated, resolve: goOn } = Promise.withResolvers<void>();
  world.fronts!.ancre.front.misbehave(({ method }) => {
    if (method !== "PUT" || isReached) return undefined;
    isReached = true;
    return { change: async (answer) => (await rotated, answer) };
  });
  const accepted = await begin("rotated");
  await until("an item under way", () => isReached);
  for (const ring of RINGS) await (await openKeyring(join(world.dir, "relais", "keys"), RING_TABLE[ring].purpose)).rotate(ring, 0);
  goOn();
  const { state, attempts } = await world.ended(accepted.id);
  const events = await world.store.read((r) => r.transfers.events(accepted.id));
  assert.deepEqual([state, attempts], ["verified", 1], JSON.stringify(events.map(({ kind, details }) => [kind, details])));
  await judge(world, [accepted], SIZES.length);
});
