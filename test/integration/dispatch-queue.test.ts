import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { prepareBackend, QUEUE, type QueueBackend } from "../../src/bullmq/backend.ts";
import { createTransferQueue } from "../../src/bullmq/transfer-queue.ts";
import { startTransferWorker } from "../../src/bullmq/transfer-worker.ts";
import { dispatchDue } from "../../src/core/dispatch/dispatch-due.ts";
import { createDispatcher } from "../../src/core/dispatch/dispatcher.ts";
import type { Ring } from "../../src/core/transfer/transfer-records.ts";
import { openQueuePool } from "../../src/postgres/pool.ts";
import { startDispatchWorld, type DispatchWorld } from "../support/dispatch-world.ts";
import { until } from "../support/fault-relais.ts";
import { realClock } from "../support/real-clock.ts";
import { startRedis, type RedisServer } from "../support/redis.ts";

/** Turns are given by two processes, over the real queue, and answered by the workers of two. */
const WINDOW = 12;
const TRANSFERS = 300;
let redis: RedisServer;
let world: DispatchWorld;

before(async () => {
  redis = await startRedis();
});
after(() => redis?.stop());

async function carryEverything(backend: QueueBackend, disturb: (done: number) => Promise<void>): Promise<Map<string, number>> {
  const carried = new Map<string, number>();
  const ended = new AbortController();
  await using owned = new AsyncDisposableStack();
  const from = await Promise.all([1, 2].map(() => world.participant("holder")));
  const to = await Promise.all([1, 2].map(() => world.participant("platform")));
  await world.answers(...from, ...to);
  for (const source of from) for (const destination of to) await world.queue({ from: source, to: destination, count: TRANSFERS / 4 });
  const run = async (ring: Ring): Promise<void> => {
    const transfer = await world.start(ring, 3);
    if (transfer === null) return;
    await sleep(20);
    carried.set(ring.transferId, (carried.get(ring.transferId) ?? 0) + 1);
    await world.end(ring.transferId);
  };
  const dispatchers = [world.store, world.other].map((store) => {
    const queue = owned.use(createTransferQueue(backend));
    const look = () => dispatchDue({ store, queue }, { window: WINDOW, ringAgainSeconds: 1 });
    return owned.use(createDispatcher(look, { clock: realClock, shutdown: ended.signal, onError: () => undefined }));
  });
  for (const dispatcher of dispatchers) await dispatcher.ring([]);
  await until("rings that wait, while nobody answers", async () => (await world.pool.query("select from dispatches")).rowCount === WINDOW);
  await disturb(0);
  for (const dispatcher of dispatchers) {
    const answer = (ring: Ring) => run(ring).finally(() => dispatcher.nudge());
    owned.use(startTransferWorker(backend, answer, { concurrency: 6, onError: () => undefined }));
  }
  await until("every transfer is carried", async () => {
    for (const dispatcher of dispatchers) await dispatcher.ring([]);
    await disturb(carried.size);
    await sleep(100);
    return carried.size === TRANSFERS;
  });
  ended.abort();
  return carried;
}

const oncePerTransfer = (carried: Map<string, number>) => {
  assert.equal(carried.size, TRANSFERS);
  assert.deepEqual(
    [...carried.values()].filter((times) => times !== 1),
    [],
  );
};

test("over PostgreSQL: two dispatchers and two workers carry each transfer once", async () => {
  world = await startDispatchWorld();
  await using _world = world;
  const pool = openQueuePool(world.url);
  const backend: QueueBackend = { kind: "postgres", pool };
  await prepareBackend(backend);
  oncePerTransfer(await carryEverything(backend, async () => undefined));
  await pool.end();
});

test("over Redis: the queue never holds more than the window, and a flush in the middle loses nothing", async () => {
  world = await startDispatchWorld();
  await using _world = world;
  const client = new Redis(redis.url);
  const [depths, flushes]: [number[], number[]] = [[], []];
  const carried = await carryEverything({ kind: "redis", url: redis.url }, async (done) => {
    depths.push(await client.llen(`bull:${QUEUE}:wait`));
    if (flushes.length > 0 || done < TRANSFERS / 3) return;
    flushes.push(done);
    await client.flushall();
  });
  client.disconnect();
  oncePerTransfer(carried);
  assert.ok(Math.max(...depths) <= WINDOW, `${Math.max(...depths)} waited`);
  assert.equal(flushes.length, 1);
  assert.equal(depths[0], WINDOW, "while nobody answered");
});
