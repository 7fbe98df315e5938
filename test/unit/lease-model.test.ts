import assert from "node:assert/strict";
import { test } from "node:test";
import { explore, RULES, type Rules } from "../model/lease.ts";

test("in every state that the lease and its rings can reach, the invariants hold and an end can be reached", (t) => {
  const { states, violation, trace } = explore(RULES);
  t.diagnostic(`${states} states`);
  assert.equal(violation, null, trace.join("\n"));
  assert.ok(states > 10_000, `${states} states`);
});

/** Each rule is there for a reason: without it this breaks, at the end of the shortest way there. */
// oxfmt-ignore
const REASONS: [without: keyof Rules, breaks: RegExp][] = [
  ["claimRaisesEpoch",    /^fencing/],
  ["claimLooksAtState",   /^I3: an attempt began/],
  ["stopRaisesEpoch",     /^(I8|fencing|I3)/],
  ["writeLooksAtEpoch",   /^(fencing|I8)/],
  ["requeueLooksAtEpoch", /^I8/],
  ["rightIsReadEachTime", /^I3: an attempt went on/],
  ["keysAreStable",       /^I2/],
  ["leaseEnds",           /^I1/],
  ["sweeps",              /^I1/],
];

for (const [without, breaks] of REASONS)
  test(`without ${without} an invariant breaks`, (t) => {
    const { violation, trace, states } = explore({ ...RULES, [without]: false });
    t.diagnostic(`${violation} (${states} states): ${trace.join("; ")}`);
    assert.match(violation ?? "nothing broke", breaks);
  });
