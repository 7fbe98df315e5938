import { addDays, daysOf, isWithin } from "./calendar.ts";
import type { FullDate, Period } from "./calendar.ts";
import type { InsuranceContract } from "./insurance-contracts.ts";
import type { Cents } from "./money.ts";
import { randomOf } from "./random.ts";

export interface Claim {
  reference: string;
  contract: string;
  kind: string;
  occurred: FullDate;
  steps: { date: FullDate; step: "declared" | "expert-visit" | "agreed" | "paid" }[];
  estimate: Cents;
  excess: Cents;
  /** Null until it is agreed. */
  compensation: Cents | null;
}

const KINDS: Readonly<Record<InsuranceContract["product"], readonly [kind: string, low: Cents, high: Cents][]>> = {
  home: [
    ["water-damage", 42_000, 310_000],
    ["broken-glass", 18_000, 74_000],
    ["burglary", 90_000, 520_000],
    ["storm", 35_000, 280_000],
  ],
  vehicle: [
    ["collision", 60_000, 380_000],
    ["theft", 80_000, 290_000],
    ["windscreen", 36_000, 95_000],
  ],
  accidents: [["fall-at-home", 25_000, 140_000]],
};
const CLAIMS_A_YEAR = 0.35;

/** Claims that occurred in the period, each with the steps that were taken by its end: a later `until` completes them. */
export function claimsOf(seed: string, contract: InsuranceContract, period: Period): Claim[] {
  const years = [...new Set(daysOf(period).map((day) => day.slice(0, 4)))];
  return years
    .map((year) => claimIn(seed, contract, year, period.until))
    .filter((claim) => claim !== null)
    .filter((claim) => claim.occurred >= contract.start && isWithin(claim.occurred, period) && claim.steps.length > 0);
}

function claimIn(seed: string, contract: InsuranceContract, year: string, until: FullDate): Claim | null {
  const random = randomOf(seed, contract.number, "claims", year);
  if (!random.isChance(CLAIMS_A_YEAR)) return null;
  const [kind, low, high] = random.pick(KINDS[contract.product]);
  const occurred = addDays(`${year}-01-01`, random.integer(0, 364));
  const declared = addDays(occurred, random.integer(0, 4));
  const visited = addDays(declared, random.integer(6, 25));
  const agreed = addDays(visited, random.integer(4, 20));
  const estimate = random.integer(low, high);
  const steps: Claim["steps"] = [
    { date: declared, step: "declared" },
    { date: visited, step: "expert-visit" },
    { date: agreed, step: "agreed" },
    { date: addDays(agreed, random.integer(2, 9)), step: "paid" },
  ];
  return {
    reference: `SIN-${year}-${contract.number.slice(4)}`,
    contract: contract.number,
    kind,
    occurred,
    steps: steps.filter(({ date }) => date <= until),
    estimate,
    excess: contract.excess,
    compensation: agreed <= until ? Math.max(0, estimate - contract.excess) : null,
  };
}
