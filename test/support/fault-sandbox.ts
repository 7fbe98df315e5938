import { readFile } from "node:fs/promises";
import { type BulkCustomers, type BulkItems, largeItems, numberedItems } from "../../src/sandbox/holder/bulk.ts";
import { startHolder } from "../../src/sandbox/holder/holder.ts";
import { startPlatform } from "../../src/sandbox/platform/platform.ts";

/** By customer and data set: so many small items, filled up by so many characters, or items of these sizes. */
export type BulkPlan = Record<string, Record<string, { numbered: number; filling?: number } | { large: number[] }>>;

export interface FaultSandboxSettings {
  dataDir: string;
  relais: string;
  ports: { energy: number; ancre: number };
  /** Where they are reached, if something stands in front of them. */
  urls?: { energy: string; ancre: string };
  customers: BulkPlan;
  accounts: string[];
}

/** `node fault-sandbox.ts settings.json`: an energy holder with customers of any size, and Ancre with their accounts, in a process that can be killed. */
async function run(file: string): Promise<void> {
  const { dataDir, relais, ports, urls, customers, accounts } = JSON.parse(await readFile(file, "utf8")) as FaultSandboxSettings;
  const shared = { dataDir, seed: "1", relais, host: "127.0.0.1" };
  await using energy = await startHolder({
    ...shared,
    holder: "energy",
    port: ports.energy,
    extra: bulkOf(customers),
    ...(urls && { url: urls.energy }),
  });
  await using ancre = await startPlatform({ ...shared, port: ports.ancre, extra: accounts, ...(urls && { url: urls.ancre }) });
  process.stdout.write(`ready ${energy.url} ${ancre.url}\n`);
  await new Promise((resolve) => process.once("SIGTERM", resolve));
}

function bulkOf(plan: BulkPlan): BulkCustomers {
  const entries = Object.entries(plan).map(([customer, sets]) => [
    customer,
    Object.fromEntries(Object.entries(sets).map(([name, size]) => [name, itemsOf(name, size)])),
  ]);
  return Object.fromEntries(entries) as BulkCustomers;
}

function itemsOf(name: string, size: BulkPlan[string][string]): BulkItems {
  return "numbered" in size ? numberedItems(size.numbered, size.filling) : largeItems(size.large, name);
}

await run(process.argv[2] as string);
