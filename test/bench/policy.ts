import type { PolicyFacts } from "../../src/core/policy/policy.ts";
import { createPolicy } from "../../src/policies/cedar.ts";

/** Decisions per second: `node test/bench/policy.ts`. */
const policy = createPolicy();
const SECONDS = 2;

const facts = (level: number): PolicyFacts => ({
  holder: { accredited: true, level: 1 },
  synthetic: false,
  platform: { accredited: true, level, regions: ["FR", "EU", "EEA"], certificates: ["hds"] },
  conditions: { minimumLevel: 1, regions: ["EEA"], certificates: ["hds"], excluded: false, access: "open" },
  testAccount: false,
});

function measure(what: string, next: (turn: number) => PolicyFacts): void {
  const until = performance.now() + SECONDS * 1000;
  let turns = 0;
  while (performance.now() < until) policy.decide(next(turns++));
  console.log(`${what.padEnd(28)} ${Math.round(turns / SECONDS)} decisions/s`);
}

measure("new facts each time", (turn) => facts(turn + 1));
measure("facts that were seen before", () => facts(1));
