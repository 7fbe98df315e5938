import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { entityKeys } from "../../src/sandbox/device/entity-keys.ts";

test("a key set is read once a minute, at once where a key is new, and a failure is not remembered", async () => {
  let asked = 0;
  let keys = [{ kid: "first" }];
  let isAway = false;
  const server = createServer((_, answer) => {
    asked += 1;
    answer.writeHead(isAway ? 503 : 200).end(JSON.stringify({ keys }));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  try {
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    let now = 0;
    const keysOf = entityKeys(issuer, () => now);
    for (let n = 0; n < 10; n++) await keysOf(issuer, "first");
    assert.equal(asked, 1);
    keys = [{ kid: "first" }, { kid: "second" }];
    assert.equal((await keysOf(issuer)).length, 1);
    assert.equal((await keysOf(issuer, "second")).length, 2);
    assert.equal(asked, 2);
    now = 60_000;
    isAway = true;
    await assert.rejects(keysOf(issuer, "first"), /answers 503/);
    isAway = false;
    assert.equal((await keysOf(issuer, "first")).length, 2);
    assert.equal(asked, 4);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
