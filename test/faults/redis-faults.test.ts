import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { newId } from "../../src/core/ids.ts";
import { createTransferQueue } from "../../src/bullmq/transfer-queue.ts";
import { acceptAll, allEnd, crowdCustomers, crowdOf, diceOf, ITEMS_EACH, seedOfRun, unfinished } from "../support/crowd.ts";
import { startFaultProxy, type FaultProxy } from "../support/fault-proxy.ts";
import { startFaultWorld, until, type FaultWorld } from "../support/fault-relais.ts";
import { judge, type Accepted } from "../support/outside-judge.ts";
import { startRedis, type RedisServer } from "../support/redis.ts";

/** Redis holds no truth: whatever becomes of it, what was accepted ends. */
const EACH = 40;
const dice = diceOf(seedOfRun());
let redis: RedisServer;
let line: FaultProxy;
let world: FaultWorld;
let worker: Awaited<ReturnType<FaultWorld["start"]>>;

before(async () => {
  redis = await startRedis();
  line = await startFaultProxy(Number(new URL(redis.url).port));
  world = await startFaultWorld({
    settings: { REDIS_URL: line.through(redis.url), RELAIS_WORKER_CONCURRENCY: "4", RELAIS_LEASE_SECONDS: "10" },
    customers: crowdCustomers,
    accounts: ["killed", "flushed", "down", "full", "rung"].flatMap((name) => crowdOf(name, EACH)),
  });
  await world.start("web,sweeper");
  worker = await world.start("worker");
});
after(async () => {
  await world?.[Symbol.asyncDispose]();
  await line?.[Symbol.asyncDispose]();
  await redis?.stop();
});

const remaining = (accepted: Accepted[]) =>
  unfinished(
    world,
    accepted.map(({ id }) => id),
  );

async function told<T>(work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(redis.url);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

test("Redis is killed and starts again with nothing, again and again: all end, once", async (t) => {
  const accepted = await acceptAll(world, crowdOf("killed", EACH));
  for (let times = 0; times < 3; times++) {
    await sleep(dice.between(300, 1500));
    process.kill(redis.pid, "SIGKILL");
    await sleep(dice.between(0, 800));
    redis = await startRedis(Number(new URL(redis.url).port));
  }
  t.diagnostic(`seed ${dice.seed}`);
  await allEnd(world, accepted);
  await judge(world, accepted, ITEMS_EACH);
});

test("FLUSHALL with everything queued and nobody there to work: what was rung for is rung again from the table", async () => {
  await worker.kill();
  const accepted = await acceptAll(world, crowdOf("flushed", EACH));
  // As many as there is room for (docs/dispatch.md).
  await until("rings in the queue", async () => (await told((client) => client.llen("bull:relais-transfers:wait"))) > 0);
  await told((client) => client.flushall());
  assert.equal(await remaining(accepted), EACH);
  worker = await world.start("worker");
  await allEnd(world, accepted);
  await judge(world, accepted, ITEMS_EACH);
});

test("Redis is away: what is accepted meanwhile is kept, its caller does not wait for the doorbell, and it moves once Redis is back", async () => {
  line.set({ down: true });
  await using queue = createTransferQueue({ kind: "redis", url: line.through(redis.url) });
  const askedAt = Date.now();
  await assert.rejects(queue.ring([{ transferId: newId("transfer"), epoch: 0 }]));
  assert.ok(Date.now() - askedAt < 5000, "a ring gives up soon");
  const accepted = await acceptAll(world, crowdOf("down", EACH));
  await sleep(2500);
  assert.equal(await remaining(accepted), EACH);
  line.set({});
  await allEnd(world, accepted);
  await judge(world, accepted, ITEMS_EACH);
});

test("Redis is full and takes nothing more: nothing is lost, and all end once it has room", async () => {
  await told((client) => client.config("SET", "maxmemory", "1"));
  const accepted = await acceptAll(world, crowdOf("full", EACH));
  await sleep(2500);
  await assert.rejects(
    told((client) => client.set("any", "thing")),
    /OOM/,
  );
  await told((client) => client.config("SET", "maxmemory", "0"));
  await allEnd(world, accepted);
  await judge(world, accepted, ITEMS_EACH);
});

test("rings come twice, out of order, of past epochs and of none: the end is the same", async () => {
  const accepted = await acceptAll(world, crowdOf("rung", EACH));
  await using queue = createTransferQueue({ kind: "redis", url: redis.url });
  const rings = accepted.flatMap(({ id }) => [0, 1, 2, 3].map((epoch) => ({ transferId: id, epoch })));
  for (let round = 0; round < 3; round++) await queue.ring(rings.toSorted(() => dice.next() - 0.5));
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  const strange = new Queue("relais-transfers", { connection });
  await strange.addBulk(accepted.map(({ id }) => ({ name: "transfer", data: { transferId: `${id}x`, epoch: "0" } })));
  await strange.close();
  connection.disconnect();
  await allEnd(world, accepted);
  await judge(world, accepted, ITEMS_EACH);
});
