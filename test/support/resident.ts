import { readFile } from "node:fs/promises";

/** The largest resident size of a process while `work` runs, above what it was before, in bytes. */
export async function growthDuring(pid: number, work: () => Promise<unknown>): Promise<number> {
  const before = await residentBytes(pid);
  let most = before;
  const sampling = setInterval(() => void residentBytes(pid).then((bytes) => (most = Math.max(most, bytes))), 50);
  try {
    await work();
  } finally {
    clearInterval(sampling);
  }
  return Math.max(most, await residentBytes(pid)) - before;
}

async function residentBytes(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}
