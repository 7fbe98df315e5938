import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { prepareBackend, type QueueBackend } from "../../src/bullmq/backend.ts";
import { createTransferQueue } from "../../src/bullmq/transfer-queue.ts";
import { startTransferWorker } from "../../src/bullmq/transfer-worker.ts";
import { newId } from "../../src/core/ids.ts";
import type { Ring } from "../../src/core/transfer/transfer-records.ts";
import { openQueuePool } from "../../src/postgres/pool.ts";
import { freshDatabase } from "../support/database.ts";
import { until } from "../support/fault-relais.ts";
import { startRedis } from "../support/redis.ts";

const BACKENDS: [name: string, open: (owned: AsyncDisposableStack) => Promise<QueueBackend>][] = [
  [
    "PostgreSQL",
    async (owned) => {
      const database = owned.use(await freshDatabase());
      const pool = openQueuePool(database.url);
      owned.defer(() => pool.end());
      return { kind: "postgres", pool };
    },
  ],
  ["Redis", async (owned) => ({ kind: "redis", url: owned.use(await startRedis()).url })],
];

const ringOf = (epoch = 0): Ring => ({ transferId: newId("transfer"), epoch });
const terms = { concurrency: 4, onError: () => undefined };

for (const [name, open] of BACKENDS) {
  const owned = new AsyncDisposableStack();
  let backend: QueueBackend;
  before(async () => {
    backend = await open(owned);
    assert.deepEqual(await prepareBackend(backend), []);
  });
  after(() => owned.disposeAsync());

  test(`${name}: every ring is answered, with its transfer and its epoch and nothing else`, async () => {
    const heard: Ring[] = [];
    await using queue = createTransferQueue(backend);
    await using _worker = startTransferWorker(backend, async (ring) => void heard.push(ring), terms);
    const rings = Array.from({ length: 50 }, (_, index) => ringOf(index));
    await queue.ring(rings);
    await until("fifty answers", () => heard.length >= 50);
    const byId = (a: Ring, b: Ring) => a.transferId.localeCompare(b.transferId);
    assert.deepEqual(heard.toSorted(byId), rings.toSorted(byId));
  });

  test(`${name}: rings that nobody hears wait, and the same ring ten times is one job`, async () => {
    const heard: Ring[] = [];
    await using queue = createTransferQueue(backend);
    const ring = ringOf();
    await Promise.all(Array.from({ length: 10 }, () => queue.ring([ring])));
    await using _worker = startTransferWorker(backend, async (answered) => void heard.push(answered), terms);
    await until("an answer", () => heard.length > 0);
    await sleep(500);
    assert.deepEqual(heard, [ring]);
  });

  test(`${name}: a ring that was answered can be rung again`, async () => {
    const heard: Ring[] = [];
    await using queue = createTransferQueue(backend);
    await using _worker = startTransferWorker(backend, async (answered) => void heard.push(answered), terms);
    const ring = ringOf(3);
    await queue.ring([ring]);
    await until("the first answer", () => heard.length === 1);
    await sleep(200);
    await queue.ring([ring]);
    await until("the second answer", () => heard.length === 2);
  });

  test(`${name}: work that fails does not stop the worker, and is not tried again by the queue itself`, async () => {
    const heard: string[] = [];
    await using queue = createTransferQueue(backend);
    const [bad, good] = [ringOf(), ringOf()];
    await using _worker = startTransferWorker(
      backend,
      async ({ transferId }) => {
        heard.push(transferId);
        if (transferId === bad.transferId) throw new Error("broken on purpose");
      },
      { ...terms, concurrency: 1 },
    );
    await queue.ring([bad]);
    await queue.ring([good]);
    await until("both", () => heard.length >= 2);
    await sleep(500);
    assert.deepEqual(heard, [bad.transferId, good.transferId]);
  });
}

test("a queue whose Redis is gone says so, and never hangs its caller", async () => {
  const redis = await startRedis();
  await using queue = createTransferQueue({ kind: "redis", url: redis.url });
  await queue.ring([ringOf()]);
  await redis.stop();
  const startedAt = performance.now();
  await assert.rejects(queue.ring([ringOf()]));
  assert.ok(performance.now() - startedAt < 60_000);
});
