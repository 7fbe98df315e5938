import assert from "node:assert/strict";
import { test } from "node:test";
import { takingTurns } from "../../src/http/turns.ts";

test("work of one name takes turns, of another it does not wait, and a failure holds nobody up", async () => {
  const inTurn = takingTurns();
  const seen: string[] = [];
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const first = inTurn("a", async () => {
    seen.push("a1 begins");
    await gate;
    seen.push("a1 ends");
    throw new Error("broken");
  });
  const second = inTurn("a", async () => void seen.push("a2"));
  await inTurn("b", async () => void seen.push("b"));
  open();
  await assert.rejects(first, /broken/);
  await second;
  assert.deepEqual(seen, ["a1 begins", "b", "a1 ends", "a2"]);
});
