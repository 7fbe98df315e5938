import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startFaultWorld, until, type FaultWorld } from "../support/fault-relais.ts";
import type { Asked, Misbehaviour } from "../support/fault-front.ts";
import { judge, type Accepted } from "../support/outside-judge.ts";

/** Workers that die or freeze exactly where it hurts: a front before each participant says when, and holds them there. */
const BILLS = "energy.bills";
const MIB = 1024 * 1024;
/** Each large: what is small may travel in one request. */
const SIZES = [2 * MIB, MIB, MIB];
const RESUMED_MILLISECONDS = 10_000;
/** Where the worker is when it is killed, by what the participants hear of it. */
const POINTS = ["claimed", "mid-item", "item-stored", "all-stored", "receipt-given"] as const;
type Point = (typeof POINTS)[number];
let world: FaultWorld;

before(async () => {
  world = await startFaultWorld({
    customers: { many: { [BILLS]: { large: SIZES } } },
    accounts: [...POINTS, "frozen"].map((name) => `${name}-space`),
    fronted: true,
  });
  await world.start("web,sweeper");
});
after(() => world?.[Symbol.asyncDispose]());

async function begin(name: string): Promise<Accepted> {
  const account = `${name}-space`;
  const person = await world.person({ sourceAccount: "many", destinationAccount: account });
  const { id } = await person.transfer(await person.consent([BILLS]));
  return { id, account };
}

/** Holds the answer, which is what keeps the worker where it is. */
const held = (reached: () => void): Misbehaviour => ({ hold: (_response, request) => (request.resume(), reached()) });
/** The participant has done it; its answer does not come. */
const answeredToNobody = (reached: () => void): Misbehaviour => ({ change: () => (reached(), Promise.withResolvers<never>().promise) });

/** What holds a transfer at each point, by the requests to Ancre. */
const HOLDS: Record<Exclude<Point, "claimed">, (asked: Asked, reached: () => void) => Misbehaviour | undefined> = {
  "mid-item": ({ method }, reached) => (method === "PUT" ? { half: reached } : undefined),
  "item-stored": ({ method }, reached) => (method === "PUT" ? answeredToNobody(reached) : undefined),
  "all-stored": ({ path }, reached) => (path.endsWith("/complete") ? held(reached) : undefined),
  "receipt-given": ({ path }, reached) => (path.endsWith("/complete") ? answeredToNobody(reached) : undefined),
};

test("a worker killed with kill -9 at every step of a transfer at once: each goes on within ten seconds, with one copy and one receipt", async (t) => {
  const { energy, ancre } = world.fronts!;
  const doomed = await world.start("worker");
  const accepted = new Map<string, Accepted>();
  const reached = new Set<Point>();
  ancre.front.misbehave((asked) => {
    const point = POINTS.find((name) => asked.path.includes(accepted.get(name)?.id ?? "none")) as Exclude<Point, "claimed"> | undefined;
    return point === undefined ? undefined : HOLDS[point]?.(asked, () => void reached.add(point));
  });
  for (const point of POINTS.slice(1)) {
    accepted.set(point, await begin(point));
    await until(point, () => reached.has(point));
  }
  energy.front.misbehave(({ path }) => (/\/datasets\/[^/]+\?/.test(path) ? held(() => void reached.add("claimed")) : undefined));
  accepted.set("claimed", await begin("claimed"));
  await until("claimed", () => reached.has("claimed"));

  await doomed.kill("SIGKILL");
  const killedAt = Date.now();
  for (const { front } of [energy, ancre]) front.misbehave(null);
  const next = await world.start("worker");
  const readyAt = Date.now();
  for (const { id } of accepted.values()) assert.equal((await world.ended(id)).state, "verified");
  for (const [point, { id }] of accepted) {
    const ledger = (await world.witness.ledger()).filter(
      ({ path, begunAt = "" }) => path?.includes("/inbox/") && Date.parse(begunAt) > killedAt,
    );
    const first = ledger.find(({ path }) => path?.includes(id));
    const resumed = Date.parse(first?.begunAt ?? "") - readyAt;
    t.diagnostic(`${point}: heard again ${resumed} ms after the next worker was ready`);
    assert.ok(resumed < RESUMED_MILLISECONDS, `${point}: ${resumed} ms`);
  }
  await judge(world, [...accepted.values()], SIZES.length);
  assert.deepEqual(await next.kill(), { code: 0, signal: null }, next.output());
});

test("a worker that freezes past its lease and wakes up: another one has finished, and what the late one does changes nothing", async () => {
  const { ancre } = world.fronts!;
  const early = await world.start("worker");
  let stored = 0;
  let frozen = false;
  ancre.front.misbehave(({ method, path }) => {
    if (frozen || method !== "PUT" || !path.includes("trf_") || ++stored < 2) return undefined;
    frozen = true;
    // Frozen while its request is answered: it wakes up with an answer that it may no longer act on.
    process.kill(early.pid, "SIGSTOP");
    return undefined;
  });
  const accepted = await begin("frozen");
  await until("a frozen worker", () => frozen);
  await world.start("worker");
  const { state, attempts } = await world.ended(accepted.id);
  assert.deepEqual([state, attempts >= 2], ["verified", true]);
  const story = await world.store.read((r) => r.transfers.events(accepted.id));
  process.kill(early.pid, "SIGCONT");
  await sleep(3000);
  assert.deepEqual(await world.store.read((r) => r.transfers.events(accepted.id)), story, "the late worker wrote nothing");
  await judge(world, [accepted], SIZES.length);
  assert.deepEqual(await early.kill(), { code: 0, signal: null }, early.output());
});
