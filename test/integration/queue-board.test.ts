import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createQueueBoard } from "../../src/bullmq/board.ts";
import { createTransferQueue } from "../../src/bullmq/transfer-queue.ts";
import { newId } from "../../src/core/ids.ts";
import { startRedis } from "../support/redis.ts";

const PATH = "/ops/queues";
const LIST = `${PATH}/api/queues?activeQueue=relais-transfers&status=waiting&page=1&jobsPerPage=10`;

/** The view alone, without its door (test/e2e/operator-pages.test.ts), on a queue in Redis. */
test("the queue in Redis is seen, cannot be changed, and its view ends also where Redis is gone", async () => {
  const redis = await startRedis();
  const backend = { kind: "redis" as const, url: redis.url };
  const id = newId("transfer");
  {
    await using queue = createTransferQueue(backend);
    await queue.ring([{ transferId: id, epoch: 3 }]);
    await using board = createQueueBoard(backend, PATH);
    const server = createServer((request, response) => {
      request.url = (request.url ?? "").slice(PATH.length) || "/";
      board.look(request, response);
    });
    await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
    const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const told = await (await fetch(at + LIST)).text();
    assert.match(told, new RegExp(id));
    assert.doesNotMatch(told, /redis_version|used_memory/, "nothing about the server itself");
    for (const act of ["pause", "empty", "obliterate", "clean/waiting"])
      assert.equal((await fetch(`${at}${PATH}/api/queues/relais-transfers/${act}`, { method: "PUT" })).status, 405, act);
    assert.match(await (await fetch(at + LIST)).text(), new RegExp(id), "it is still there");
    await redis.stop();
    const away = await fetch(at + LIST);
    assert.ok(away.status >= 500, String(away.status));
    server.closeAllConnections();
    server.close();
  }
});
