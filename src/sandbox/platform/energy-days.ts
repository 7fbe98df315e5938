import { readFile } from "node:fs/promises";
import type { KeptItem, Shelves } from "./shelves.ts";

export interface EnergyDay {
  day: string;
  kWh: number;
}

/** The days that these items tell of, oldest first; what is not a day of consumption is left out. */
export async function energyDays(shelves: Pick<Shelves, "path">, items: KeptItem[]): Promise<EnergyDay[]> {
  const days = await Promise.all(items.filter((item) => item.bytes < 10_000).map((item) => readDay(shelves.path(item))));
  return days.filter((day) => day !== null).toSorted((a, b) => (a.day < b.day ? -1 : 1));
}

async function readDay(file: string): Promise<EnergyDay | null> {
  try {
    const { date, kwh: kWh } = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
    return typeof date === "string" && typeof kWh === "number" && kWh >= 0 ? { day: date, kWh } : null;
  } catch {
    return null;
  }
}
