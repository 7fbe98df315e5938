import assert from "node:assert/strict";
import { writeFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startFaultWorld, until, type FaultWorld } from "../support/fault-relais.ts";
import { judge, type Accepted } from "../support/outside-judge.ts";
import type { Program } from "../support/processes.ts";

/** The web's clock, and clocks that are set while their process runs. A worker's that is wrong from its start: clocks-and-keys.test.ts. */
const BILLS = "energy.bills";
const SIZES = [400_000, 300_000, 300_000];
const CLOCK = new URL("../support/skewed-clock.mjs", import.meta.url).href;
const LEASE_SECONDS = 5;
/** Longer than any lease, and than a token lasts. */
const STEP = 300_000;
const ACCOUNTS = ["near-ahead", "near-behind", "far-ahead", "far-behind", "set-back", "set-ahead", "afterwards"];
let world: FaultWorld;

before(async () => {
  world = await startFaultWorld({
    customers: { many: { [BILLS]: { large: SIZES } } },
    accounts: ACCOUNTS,
    fronted: true,
    settings: { RELAIS_LEASE_SECONDS: String(LEASE_SECONDS) },
  });
});
after(() => world?.[Symbol.asyncDispose]());

async function begin(account: string): Promise<Accepted> {
  const person = await world.person({ sourceAccount: "many", destinationAccount: account });
  return { id: (await person.transfer(await person.consent([BILLS]))).id, account };
}

const startSkewed = (roles: string, milliseconds: number): Promise<Program> =>
  world.start(roles, { NODE_OPTIONS: `--import ${CLOCK}`, CLOCK_SKEW_MILLISECONDS: String(milliseconds) });

for (const [account, milliseconds] of [
  ["near-ahead", 10_000],
  ["near-behind", -10_000],
] as const)
  test(`a web and sweeper whose clock is wrong by ${milliseconds} ms work`, async () => {
    await using _web = await startSkewed("web,sweeper", milliseconds);
    await using _worker = await world.start("worker");
    const accepted = await begin(account);
    assert.equal((await world.ended(accepted.id)).state, "verified");
    await judge(world, [accepted], SIZES.length);
  });

for (const [account, milliseconds] of [
  ["far-ahead", 300_000],
  ["far-behind", -300_000],
] as const)
  test(`a web and sweeper whose clock is wrong by ${milliseconds} ms give no token, spoil nothing, and all goes on with one whose clock is right`, async () => {
    const wrong = await startSkewed("web,sweeper", milliseconds);
    await using _worker = await world.start("worker");
    const accepted = await begin(account);
    const transfer = await until("two attempts", async () => {
      const now = await world.store.read((r) => r.transfers.get(accepted.id));
      return now.attempts >= 2 && now.leaseUntil === null ? now : null;
    });
    assert.equal(transfer.endedAt, null);
    assert.ok(transfer.dueAt.getTime() - Date.now() < 60_000, `due by the database's clock: ${transfer.dueAt.toISOString()}`);
    assert.equal(world.witness.items(account).length, 0);
    await wrong.kill();
    await using _right = await world.start("web,sweeper");
    assert.equal((await world.ended(accepted.id)).state, "verified");
    await judge(world, [accepted], SIZES.length);
  });

interface Held {
  accepted: Accepted;
  /** Ancre's answers go on their way. */
  goOn(): void;
}

/** A transfer all of whose items are under way, so that nothing is signed any more until one is answered. */
async function held(account: string): Promise<Held> {
  const { promise: released, resolve: goOn } = Promise.withResolvers<void>();
  let underWay = 0;
  world.fronts!.ancre.front.misbehave(({ method }) => {
    if (method !== "PUT" || underWay === SIZES.length) return undefined;
    underWay += 1;
    return { change: async (answer) => (await released, answer) };
  });
  const accepted = await begin(account);
  await until("every item under way", () => underWay === SIZES.length);
  return { accepted, goOn };
}

function clockFile(): { file: string; set(milliseconds: number): void } {
  const file = join(world.dir, "clock");
  // Whole or not at all: it may be read at any moment.
  const set = (milliseconds: number): void => {
    writeFileSync(`${file}.new`, String(milliseconds));
    renameSync(`${file}.new`, file);
  };
  set(0);
  return { file, set };
}

/** Seconds by the database's clock: of the lease that are left, and of the day. */
async function leaseOf({ id }: Accepted): Promise<{ left: number; now: number }> {
  const { rows } = await world.pool.query<{ left: number; now: number }>(
    `select extract(epoch from lease_until - clock_timestamp())::float8 as left, extract(epoch from clock_timestamp())::float8 as now
     from relais.transfers where id = $1`,
    [id],
  );
  return rows[0] as { left: number; now: number };
}

/** Looks at the lease for longer than one lasts: it is never over, and never longer than it is. */
async function assertLeaseKept(accepted: Accepted): Promise<void> {
  const from = (await leaseOf(accepted)).now;
  await until("more than the time of a lease", async () => {
    const { left, now } = await leaseOf(accepted);
    assert.ok(left > 0, "a lease that was not renewed");
    assert.ok(left <= LEASE_SECONDS, `a lease of ${left} s`);
    return now - from > 1.5 * LEASE_SECONDS;
  });
}

for (const [account, step] of [
  ["set-back", -STEP],
  ["set-ahead", STEP],
] as const)
  test(`a worker's clock is set by ${step} ms in the middle of a transfer: its lease is kept, by the database's clock, and it ends in the one attempt`, async () => {
    const { file, set } = clockFile();
    await using _web = await world.start("web,sweeper");
    await using _worker = await world.start("worker", { NODE_OPTIONS: `--import ${CLOCK}`, CLOCK_SKEW_FILE: file });
    const { accepted, goOn } = await held(account);
    set(step);
    await assertLeaseKept(accepted);
    set(0);
    goOn();
    const { state, attempts } = await world.ended(accepted.id);
    const events = await world.store.read((r) => r.transfers.events(accepted.id));
    assert.deepEqual([state, attempts], ["verified", 1], JSON.stringify(events));
    await judge(world, [accepted], SIZES.length);
  });

test("a worker dies while its clock is five minutes ahead: its lease ends by the database's clock, and another one goes on", async () => {
  const { file, set } = clockFile();
  await using _web = await world.start("web,sweeper");
  const wrong = await world.start("worker", { NODE_OPTIONS: `--import ${CLOCK}`, CLOCK_SKEW_FILE: file });
  const { accepted, goOn } = await held("afterwards");
  set(STEP);
  const { now } = await leaseOf(accepted);
  await until("a renewal since then", async () => (await leaseOf(accepted)).now - now > LEASE_SECONDS / 2);
  await wrong.kill("SIGKILL");
  goOn();
  await using _right = await world.start("worker");
  assert.equal((await world.ended(accepted.id)).state, "verified");
  assert.ok((await leaseOf(accepted)).now - now < 120);
  await judge(world, [accepted], SIZES.length);
});
