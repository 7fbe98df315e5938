import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../src/core/ports.ts";
import { createDispatcher } from "../../src/core/dispatch/dispatcher.ts";

/** A clock that stands still but for looks and rests. */
function steppingClock() {
  let now = 0;
  const rests: number[] = [];
  const clock: Clock = {
    now: () => new Date(now),
    sleep: async (milliseconds) => {
      rests.push(milliseconds);
      now += milliseconds;
    },
  };
  return { clock, rests, pass: (milliseconds: number) => void (now += milliseconds) };
}

test("between two looks it rests three times as long as the look took, within bounds; what happens during one is answered by one more", async () => {
  const { clock, rests, pass } = steppingClock();
  const took = [1, 30, 4000];
  let looks = 0;
  const shutdown = new AbortController();
  await using dispatcher = createDispatcher(
    async () => {
      pass(took[looks++] as number);
      if (looks < took.length) for (let times = 0; times < 5; times++) dispatcher.nudge();
    },
    { clock, shutdown: shutdown.signal, onError: (error) => assert.fail(String(error)) },
  );
  dispatcher.nudge();
  await dispatcher[Symbol.asyncDispose]();
  assert.deepEqual([looks, rests], [3, [20, 90, 250]]);
});

test("a look that fails is told, and the next one comes all the same; after a shutdown there is none", async () => {
  const { clock } = steppingClock();
  const [shutdown, told] = [new AbortController(), [] as unknown[]];
  let looks = 0;
  await using dispatcher = createDispatcher(
    async () => {
      looks++;
      throw new Error("away");
    },
    { clock, shutdown: shutdown.signal, onError: (error) => void told.push(error) },
  );
  await dispatcher.ring([]);
  await dispatcher[Symbol.asyncDispose]();
  await dispatcher.ring([]);
  await dispatcher[Symbol.asyncDispose]();
  assert.deepEqual([looks, told.length], [2, 2]);
  shutdown.abort();
  dispatcher.nudge();
  await dispatcher[Symbol.asyncDispose]();
  assert.equal(looks, 2);
});
