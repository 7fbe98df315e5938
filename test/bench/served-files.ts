import { chown, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Debian's `www-data`. */
const SERVING = 33;

/** What root wrote into a server's folder becomes its own, so that it can write beside it. */
export async function giveToServer(folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  for (const entry of await readdir(join(folder, "data"), { recursive: true })) await chown(join(folder, "data", entry), SERVING, SERVING);
}

/** So many files of so many bytes each, every one with other bytes. Returns their names. */
export async function writeFiles(folder: string, place: string, { count, bytes }: { count: number; bytes: number }): Promise<string[]> {
  await mkdir(join(folder, "data", place), { recursive: true });
  const names = Array.from({ length: count }, (_, index) => `item-${String(index).padStart(5, "0")}.bin`);
  for (const name of names) await writeFile(join(folder, "data", place, name), Buffer.alloc(bytes, name));
  await giveToServer(folder);
  return names;
}
