import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { addDays, type FullDate, periodUntil } from "../personas/calendar.ts";
import { DEFAULT_UNTIL } from "../personas/holdings.ts";

/** Up to which day a holder has data: its people live on, a day at a time, when somebody says so. */
export interface HolderDay {
  last(): FullDate;
  /** Durable once it returns. */
  next(): Promise<FullDate>;
}

/** Kept in a file of the holder's folder, so that what was given back stays so after a restart. */
export async function openDay(folder: string): Promise<HolderDay> {
  const file = join(folder, "day.txt");
  const text = await readFile(file, "utf8").catch(() => DEFAULT_UNTIL);
  let last = periodUntil(text.trim()).until;
  return {
    last: () => last,
    next: async () => {
      const tomorrow = addDays(last, 1);
      await writeFile(file, `${tomorrow}\n`);
      last = tomorrow;
      return tomorrow;
    },
  };
}
