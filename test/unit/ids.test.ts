import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { asId, isId, newId } from "../../src/core/ids.ts";

/** Decision 0044. */

test("ids of transfers sort by the moment at which they were made, and are as hard to guess as others of their form", async () => {
  const ids = [newId("transfer")];
  while (ids.length < 5) {
    await sleep(2);
    ids.push(newId("transfer"));
  }
  assert.deepEqual(ids, ids.toSorted());
  assert.ok(ids.every((id) => isId("transfer", id)));
  const many = Array.from({ length: 10_000 }, () => newId("transfer").slice(-14));
  assert.equal(new Set(many).size, many.length);
});

test("all others are chance alone, and an id of another form names nothing", () => {
  const begins = new Set(Array.from({ length: 200 }, () => newId("person").slice(4, 8)));
  assert.ok(begins.size > 190, String(begins.size));
  for (const wrong of ["trf_", newId("person"), `${newId("transfer")}0`, "trf_000000000000000000000-", null])
    assert.throws(() => asId("transfer", wrong), { code: "not_found" });
});
