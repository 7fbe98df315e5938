import assert from "node:assert/strict";
import { test } from "node:test";
import { newId } from "../../src/core/ids.ts";
import type { Ring } from "../../src/core/transfer/transfer-records.ts";
import { oneAtATime } from "../../src/core/transfer/one-at-a-time.ts";

test("a ring for a transfer that is under way here is nobody's; others run beside it, and it runs again once it has ended, however it ended", async () => {
  const begun: Ring[] = [];
  const ends: PromiseWithResolvers<void>[] = [];
  const run = oneAtATime((ring) => {
    begun.push(ring);
    const end = Promise.withResolvers<void>();
    ends.push(end);
    return end.promise;
  });
  const [one, other] = [newId("transfer"), newId("transfer")];
  const first = run({ transferId: one, epoch: 0 });
  await run({ transferId: one, epoch: 1 });
  const beside = run({ transferId: other, epoch: 0 });
  assert.deepEqual(begun, [
    { transferId: one, epoch: 0 },
    { transferId: other, epoch: 0 },
  ]);
  ends[0]?.reject(new Error("failed"));
  await assert.rejects(first, /failed/);
  const again = run({ transferId: one, epoch: 1 });
  assert.equal(begun.length, 3);
  for (const end of ends) end.resolve();
  await Promise.all([again, beside]);
});
