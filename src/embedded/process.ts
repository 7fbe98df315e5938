import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** A mark that differs when the system gives the same number to another process; null where /proc does not exist. */
export function startOf(pid: number): string | null {
  return statOf(pid)?.[19] ?? null;
}

/** Whether this process works in this folder. Null where the system does not say (no /proc). */
export function worksIn(pid: number, folder: string): boolean | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === folder;
  } catch {
    return process.platform === "linux" ? false : null;
  }
}

/** Whether any process works in this folder, one that ended but was not collected excepted. Null where the system does not say. */
export function isWorkedIn(folder: string): boolean | null {
  if (process.platform !== "linux") return null;
  return readdirSync("/proc").some((name) => /^\d+$/.test(name) && worksIn(Number(name), folder) === true);
}

/** True once the process has ended; false when the time is over first. */
export async function waitForEnd(pid: number, milliseconds: number): Promise<boolean> {
  for (const end = Date.now() + milliseconds; Date.now() < end; await sleep(20)) if (!isAlive(pid)) return true;
  return !isAlive(pid);
}

/** A killed process whose parent has not collected it answers signals for ever. */
function isZombie(pid: number): boolean {
  return statOf(pid)?.[0] === "Z";
}

/** Fields of /proc/<pid>/stat behind the program's name, which may hold spaces and brackets itself. */
function statOf(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}
