import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startCampaign } from "../../src/core/transfer/start-campaign.ts";
import type { TransferId } from "../../src/core/ids.ts";
import { DAILY, until } from "../support/fault-relais.ts";
import { seedCrowd } from "../support/many-consents.ts";
import { policy } from "../support/policy.ts";
import { realClock } from "../support/real-clock.ts";
import {
  movements,
  running,
  startStandingWorld,
  stillness,
  transferOf,
  type StandingWorld,
  type Witnessed,
} from "../support/standing-world.ts";

/** Ten thousand wait when the platform is suspended. All of them are carried in `npm run soak -- --scenario suspended`; here, enough to see in which order. */
const QUEUED = 10_000;
const CARRIED = 60;
const AT_ONCE = 16;
const FELT_MILLISECONDS = 1000;
let standing: StandingWorld;
let quay: Witnessed;

before(async () => {
  standing = await startStandingWorld({ items: 1, atOnce: AT_ONCE });
  quay = await standing.platform("Quai", ["one", ...Array.from({ length: QUEUED }, (_, index) => `crowd${index + 1}`)]);
});
after(() => standing?.[Symbol.asyncDispose]());

/** Permissions of as many people, and a campaign of the operator that wants a delivery of each. */
async function queueAll(): Promise<void> {
  const { world, energy } = standing;
  const ends = { source: energy.participant, destination: quay.participant };
  const { id: personId } = await world.person({ ...ends, sourceAccount: "many", destinationAccount: "one" });
  const ports = { store: world.store, clock: realClock, policy };
  const crowd = { count: QUEUED, recurrence: null, decidedAt: new Date(Date.now() - 1000), sourceAccount: "many", datasets: [DAILY] };
  await seedCrowd({ ...ends, ports, personId, store: world.store }, world.pool, crowd);
  const caller = { kind: "operator", name: "Operator" } as const;
  await world.store.write((w) => startCampaign(w, { caller, selection: { destination: quay.participant.id }, now: new Date() }));
  await until("all of them accepted", async () => total(await states()) === QUEUED);
}

async function states(): Promise<Map<string, number>> {
  const { rows } = await standing.world.pool.query<{ state: string; count: number }>(
    "select state, count(*)::int as count from relais.transfers group by state",
  );
  return new Map(rows.map(({ state, count }) => [state, count]));
}

const total = (counts: Map<string, number>): number => [...counts.values()].reduce((sum, count) => sum + count, 0);

/** Those in this state, whoever waits longest first. */
async function waiting(state: "paused" | "queued"): Promise<TransferId[]> {
  const { rows } = await standing.world.pool.query<{ id: TransferId }>(
    "select id from relais.transfers where state = $1 order by due_at, id",
    [state],
  );
  return rows.map(({ id }) => id);
}

async function movedAfter(time: number, whose: Witnessed) {
  return movements(await whose.ledger()).filter(({ begunAt, method }) => Date.parse(begunAt) > time && method !== "DELETE");
}

test("a platform is suspended while 10 000 wait for it: silence within a second, and whoever waited longest goes first when it is back, each once", async (t) => {
  await queueAll();
  await until("some that run", async () => (await running(quay)).size >= 4);
  const suspendedAt = await standing.decide("suspend", quay.participant);
  await until("all of them stopped", async () => {
    const { verified = 0, received = 0, paused = 0 } = Object.fromEntries(await states());
    return verified + received + paused === QUEUED;
  });
  await stillness();
  for (const whose of [quay, standing.energy])
    assert.deepEqual(
      await movedAfter(suspendedAt + FELT_MILLISECONDS, whose),
      [],
      `${whose.participant.name} heard nothing later than a second`,
    );
  const stopped = await states();
  t.diagnostic(JSON.stringify(Object.fromEntries(stopped)));
  assert.ok((stopped.get("paused") ?? 0) > QUEUED / 2);
  const order = await waiting("paused");

  const reinstatedAt = await standing.decide("reinstate", quay.participant);
  const before = stopped.get("verified") ?? 0;
  await until("enough of them", async () => ((await states()).get("verified") ?? 0) >= before + CARRIED);
  await until("nobody left behind", async () => !(await states()).has("paused"));
  const sent = new Set((await movedAfter(reinstatedAt, quay)).map(transferOf).filter((id) => id !== null));
  assert.ok(sent.size >= CARRIED);
  // What runs at once ends in any order.
  const first = new Set(order.slice(0, sent.size + 2 * AT_ONCE));
  assert.deepEqual(
    [...sent].filter((id) => !first.has(id)),
    [],
    "whoever waited longest",
  );
  const left = await waiting("queued");
  const isLeft = new Set(left);
  assert.ok(left.length > QUEUED / 2);
  assert.ok(order.filter((id) => isLeft.has(id)).join() === left.join(), "and the others wait in the order that they had");

  const stored = Map.groupBy(
    (await quay.ledger()).filter(({ event }) => event === "stored"),
    ({ transfer }) => transfer as string,
  );
  for (const id of await verified()) assert.equal(stored.get(id)?.length, 1, `${id} is there once`);
});

async function verified(): Promise<TransferId[]> {
  const { rows } = await standing.world.pool.query<{ id: TransferId }>("select id from relais.transfers where state = 'verified'");
  return rows.map(({ id }) => id);
}
