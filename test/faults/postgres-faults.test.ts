import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { asRelaisError } from "../../src/core/errors.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { acceptAll, allEnd, CROWD, crowdCustomers, crowdOf, diceOf, ITEMS_EACH, seedOfRun, unfinished } from "../support/crowd.ts";
import { startCrashingPostgres, type CrashingPostgres } from "../support/crashing-postgres.ts";
import { startFaultProxy, type FaultProxy } from "../support/fault-proxy.ts";
import { DAILY, startFaultWorld, until, type FaultWorld } from "../support/fault-relais.ts";
import { judge, type Accepted } from "../support/outside-judge.ts";
import { policy } from "../support/policy.ts";
import { realClock } from "../support/real-clock.ts";

/** PostgreSQL, the only truth, goes away in every way: a few people here, thousands by `npm run soak`. */
const EACH = 40;
const COMMIT = Buffer.from("commit\0");
const dice = diceOf(seedOfRun());
let postgres: CrashingPostgres;
let line: FaultProxy;
let world: FaultWorld;

before(async () => {
  postgres = await startCrashingPostgres();
  line = await startFaultProxy(postgres.port);
  world = await startFaultWorld({
    databaseUrl: postgres.url,
    settings: { DATABASE_URL: line.through(postgres.url), RELAIS_WORKER_CONCURRENCY: "4", RELAIS_LEASE_SECONDS: "10" },
    customers: crowdCustomers,
    accounts: ["crashes", "ended", "unknown", "accepted"].flatMap((name) => crowdOf(name, EACH)),
  });
  await world.start("web,sweeper");
  await world.start("worker");
});
after(async () => {
  await world?.[Symbol.asyncDispose]();
  await line?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

/** So many faults, one after the other, while these are under way. */
async function troubled(accepted: Accepted[], times: number, fault: () => Promise<unknown>): Promise<void> {
  for (let time = 0; time < times; time++) await fault();
  await allEnd(world, accepted);
}

test("PostgreSQL crashes and restarts again and again: all end, each item once, each receipt verifies", async (t) => {
  const accepted = await acceptAll(world, crowdOf("crashes", EACH));
  await troubled(accepted, 4, async () => {
    await sleep(dice.between(300, 1500));
    await postgres.crash(dice.between(0, 1000));
  });
  t.diagnostic(`seed ${dice.seed}`);
  await judge(world, accepted, ITEMS_EACH);
});

test("sessions are ended at random, ten a second: the same", async (t) => {
  const accepted = await acceptAll(world, crowdOf("ended", EACH));
  let ended = 0;
  await troubled(accepted, 40, async () => {
    ended += await postgres.terminate(1);
    await sleep(100);
  });
  t.diagnostic(`${ended} sessions ended`);
  assert.ok(ended > 20);
  await judge(world, accepted, ITEMS_EACH);
});

test("connections are cut after COMMIT was sent and before it was answered: what was done is not done again", async (t) => {
  const accepted = await acceptAll(world, crowdOf("unknown", EACH));
  const cutsBefore = line.cuts();
  line.set({ cutAnswerTo: (chunk) => chunk.includes(COMMIT) && dice.next() < 0.1 });
  await until(
    "many cuts",
    async () =>
      line.cuts() - cutsBefore > 40 ||
      (await unfinished(
        world,
        accepted.map(({ id }) => id),
      )) === 0,
  );
  line.set({});
  await allEnd(world, accepted);
  t.diagnostic(`seed ${dice.seed}: ${line.cuts() - cutsBefore} cuts`);
  assert.ok(line.cuts() > cutsBefore);
  await judge(world, accepted, ITEMS_EACH);
});

test("a caller whose acceptance was cut asks again with the same key, and finds its own transfer", async (t) => {
  await using owned = new AsyncDisposableStack();
  const cutting = owned.use(await startFaultProxy(postgres.port));
  const pool = openPool(cutting.through(postgres.url), 4);
  owned.defer(() => pool.end());
  const ports = { store: createStore(openDatabase(pool)), clock: realClock, policy, queue: { ring: async () => undefined } };
  const accepted: Accepted[] = [];
  let failures = 0;
  for (const account of crowdOf("accepted", EACH / 2)) {
    const person = await world.person({ sourceAccount: CROWD, destinationAccount: account });
    const consent = await person.consent([DAILY]);
    const ask = () => requestTransfer(ports, { consentId: consent.id, personId: person.id, idempotencyKey: `once ${account}` });
    cutting.set({ cutAnswerTo: (chunk) => chunk.includes(COMMIT) });
    await assert.rejects(ask(), (error) => {
      failures++;
      return asRelaisError(error).code === "unavailable";
    });
    cutting.set({});
    const { id } = await ask();
    assert.equal((await ask()).id, id);
    const { length } = (await world.store.read((r) => r.transfers.list(person.id))).filter(({ consentId }) => consentId === consent.id);
    assert.equal(length, 1);
    accepted.push({ id, account });
  }
  t.diagnostic(`${failures} answers lost`);
  await allEnd(world, accepted);
  await judge(world, accepted, ITEMS_EACH);
});
