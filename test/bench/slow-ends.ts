import { join } from "node:path";
import type { Participant } from "../../src/core/register/participant.ts";
import { largeItems } from "../../src/sandbox/holder/bulk.ts";
import { startHolder } from "../../src/sandbox/holder/holder.ts";
import { dataSetsOf } from "../../src/sandbox/personas/holdings.ts";
import { ANCRE } from "../../src/sandbox/platform/personas.ts";
import { startPlatform } from "../../src/sandbox/platform/platform.ts";
import { readLedger, type FaultWorld, type LedgerEntry } from "../support/fault-relais.ts";

/** The customer whose items everybody is sent. */
export const CUSTOMER = "bulk";
export const BILLS = "energy.bills";
export const CALLS = dataSetsOf("telecom")[0]?.id as string;
/** How long each platform below takes to say that an item is stored. */
export const ANSWER_MILLISECONDS = 200;

export interface SlowPlatform {
  participant: Participant;
  ledger(): Promise<LedgerEntry[]>;
}

/** Who takes its time: what is carried to it is bounded by its answers, and not by the processors here. */
export async function slowPlatform(
  owned: AsyncDisposableStack,
  world: FaultWorld,
  { name, accounts }: { name: string; accounts: string[] },
): Promise<SlowPlatform> {
  const persona = { ...ANCRE, name, folder: name.toLowerCase() };
  const shared = { dataDir: join(world.dir, "near"), seed: "bench", relais: world.url, host: "127.0.0.1", port: 0 };
  const { entityId, ledgerFile } = owned.use(await startPlatform({ ...shared, persona, faults: ["is-slow"], extra: accounts }));
  return { participant: await world.register(entityId), ledger: () => readLedger(ledgerFile) };
}

/** A second source beside the world's own. */
export async function telecomHolder(owned: AsyncDisposableStack, world: FaultWorld, sizes: number[]): Promise<Participant> {
  const shared = { dataDir: join(world.dir, "near"), seed: "bench", relais: world.url, host: "127.0.0.1", port: 0 };
  const extra = { [CUSTOMER]: { [CALLS]: largeItems(sizes, "calls") } };
  return world.register(owned.use(await startHolder({ ...shared, holder: "telecom", extra })).entityId);
}
