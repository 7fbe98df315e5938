import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startFaultWorld, until, type FaultWorld } from "../support/fault-relais.ts";
import { judge, type Accepted } from "../support/outside-judge.ts";

/** The clock of a holder and a platform is wrong; that of Relais is right. */
const BILLS = "energy.bills";
const SIZES = [400_000, 300_000, 300_000];
const CLOCK = new URL("../support/skewed-clock.mjs", import.meta.url).href;
let world: FaultWorld;

before(async () => {
  world = await startFaultWorld({
    customers: { many: { [BILLS]: { large: SIZES } } },
    accounts: ["near-ahead", "near-behind", "far-ahead", "far-behind"],
  });
  await world.start("web,worker,sweeper");
});
after(() => world?.[Symbol.asyncDispose]());

async function begin(account: string): Promise<Accepted> {
  const person = await world.person({ sourceAccount: "many", destinationAccount: account });
  return { id: (await person.transfer(await person.consent([BILLS]))).id, account };
}

async function setClock(milliseconds: number): Promise<void> {
  await world.sandbox().kill();
  await world.startSandbox({ NODE_OPTIONS: `--import ${CLOCK}`, CLOCK_SKEW_MILLISECONDS: String(milliseconds) });
}

for (const [account, milliseconds] of [
  ["near-ahead", 10_000],
  ["near-behind", -10_000],
] as const)
  test(`a holder and a platform whose clock is wrong by ${milliseconds} ms work`, async () => {
    await setClock(milliseconds);
    const accepted = await begin(account);
    assert.equal((await world.ended(accepted.id)).state, "verified");
    await judge(world, [accepted], SIZES.length);
  });

for (const [account, milliseconds] of [
  ["far-ahead", 300_000],
  ["far-behind", -300_000],
] as const)
  test(`a holder and a platform whose clock is wrong by ${milliseconds} ms refuse what Relais signs: it waits for them, names them, and ends verified when their clock is right`, async () => {
    await setClock(milliseconds);
    const accepted = await begin(account);
    await until("two attempts", async () => {
      const { attempts, leaseUntil } = await world.store.read((r) => r.transfers.get(accepted.id));
      return attempts >= 2 && leaseUntil === null;
    });
    const [transfer, events] = await world.store.read(
      async (r) => [await r.transfers.get(accepted.id), await r.transfers.events(accepted.id)] as const,
    );
    assert.equal(transfer.endedAt, null);
    assert.equal(world.witness.items(account).length, 0);
    const last = events.findLast(({ kind }) => kind === "retry_planned");
    assert.deepEqual([last?.actor, last?.details["reason"]], ["holder", "unauthenticated"]);
    await setClock(0);
    assert.equal((await world.ended(accepted.id)).state, "verified");
    await judge(world, [accepted], SIZES.length);
  });
