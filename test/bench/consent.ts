import type { Measure } from "./measure.ts";
import { mixedLoad } from "./mixed-load.ts";
import { tokenRates } from "./token-rates.ts";
import { withdrawals } from "./withdrawals.ts";

type Tell = (line: string) => void;

/** What a consent costs to carry and to check, and how soon its end is felt. */
export async function consentMeasures(rounds: number, tell: Tell): Promise<Measure[]> {
  return [...(await tokenRates(rounds, tell)), ...(await withdrawals(tell)), ...(await mixedLoad(tell))];
}
