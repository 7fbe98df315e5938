import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { DAILY, startFaultWorld, until, type FaultWorld } from "../support/fault-relais.ts";
import { freePort } from "../support/ports.ts";
import { startProgram } from "../support/processes.ts";
import { startRedis, type RedisServer } from "../support/redis.ts";

const ITEMS = 600;
const ACCOUNTS = ["calm", "flushed", "killed", "gone", "postgres"];
let world: FaultWorld;
let redis: RedisServer;

before(async () => {
  redis = await startRedis();
  world = await startFaultWorld({
    customers: Object.fromEntries(ACCOUNTS.map((name) => [name, { [DAILY]: { numbered: ITEMS } }])),
    accounts: ACCOUNTS.map((name) => `${name}-space`),
  });
});
after(async () => {
  await world?.[Symbol.asyncDispose]();
  await redis.stop();
});

async function begin(name: string) {
  const person = await world.person({ sourceAccount: name, destinationAccount: `${name}-space` });
  return person.transfer(await person.consent([DAILY]));
}

async function finish(name: string, id: Awaited<ReturnType<typeof begin>>["id"]): Promise<void> {
  const { state, reason } = await world.ended(id);
  assert.equal(state, "verified", String(reason));
  assert.equal(world.witness.items(`${name}-space`).length, ITEMS);
}

const moving = (name: string) => until("some items", () => world.witness.items(`${name}-space`).length > 20);

test("a transfer is carried over the queue in PostgreSQL", async () => {
  const relais = await world.start("web,worker,sweeper");
  await finish("postgres", (await begin("postgres")).id);
  assert.deepEqual(await relais.kill(), { code: 0, signal: null });
});

test("over Redis the same; a flush, and a kill of Redis in the middle, lose nothing", async () => {
  const relais = await world.start("web,worker,sweeper", { REDIS_URL: redis.url });
  await finish("calm", (await begin("calm")).id);
  const keys = await withRedis((client) => client.keys("*"));
  assert.ok(keys.length > 0 && keys.every((key) => key.startsWith("bull:relais-transfers")), keys.join(" "));

  const flushed = await begin("flushed");
  await moving("flushed");
  await withRedis((client) => client.flushall());
  await finish("flushed", flushed.id);

  const killed = await begin("killed");
  await moving("killed");
  process.kill(redis.pid, "SIGKILL");
  await finish("killed", killed.id);

  const waiting = await begin("gone");
  redis = await startRedis(Number(new URL(redis.url).port));
  await finish("gone", waiting.id);
  assert.deepEqual(await relais.kill(), { code: 0, signal: null });
});

test("with Redis gone, a worker still ends by itself, with 0", async () => {
  const short = await startRedis();
  const relais = await world.start("worker,sweeper", { REDIS_URL: short.url });
  process.kill(short.pid, "SIGKILL");
  await sleep(1500);
  const ending = await relais.kill();
  await short.stop();
  assert.deepEqual(ending, { code: 0, signal: null }, relais.output());
});

test("a Redis that may throw entries away stops the start, with what the operator must change", async () => {
  const port = await freePort();
  await using other = startProgram(
    "redis-server",
    ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--maxmemory-policy", "allkeys-lru"],
    { cwd: world.dir },
  );
  await other.line(/Ready to accept connections/);
  await assert.rejects(
    world.start("web", { REDIS_URL: `redis://127.0.0.1:${port}` }),
    /maxmemory-policy is allkeys-lru\). The operator must set maxmemory-policy noeviction/,
  );
});

test("a Redis that does not answer stops the start, with the name of the setting and without its value", async () => {
  await assert.rejects(world.start("web", { REDIS_URL: `redis://:secret-word@127.0.0.1:${await freePort()}` }), (error: Error) => {
    assert.match(error.message, /Redis does not answer at REDIS_URL/);
    assert.doesNotMatch(error.message, /secret-word/);
    return true;
  });
});

async function withRedis<T>(work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(redis.url);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}
