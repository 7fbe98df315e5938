import { mkdir, open, readFile, unlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RelaisError } from "../core/errors.ts";
import { isAlive, startOf } from "./process.ts";

export interface FolderLock extends AsyncDisposable {
  release(): Promise<void>;
}

/**
 * One process per data folder. A lock left by a process that is gone is taken over, also where its number was given to another program.
 * @throws RelaisError `conflict` where another Relais runs on this folder.
 */
export async function lockDataDir(dataDir: string): Promise<FolderLock> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, "lock");
  while (!(await tryCreate(file))) await dropDeadLock(file, dataDir);
  const release = () => unlink(file).catch(() => undefined);
  return { release, [Symbol.asyncDispose]: release };
}

async function tryCreate(file: string): Promise<boolean> {
  try {
    await using handle = await open(file, "wx", 0o600);
    await handle.writeFile(`${process.pid} ${startOf(process.pid) ?? ""}\n`);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw unwritable(file, error);
  }
}

async function dropDeadLock(file: string, dataDir: string): Promise<void> {
  const owner = await readOwner(file);
  if (owner === "gone") return;
  if (owner !== null && isAlive(owner.pid) && startOf(owner.pid) === owner.start) {
    throw new RelaisError(
      "conflict",
      `Another Relais (process ${owner.pid}) runs on ${resolve(dataDir)}. Stop it first, or give this one its own folder with RELAIS_DATA_DIR.`,
      {
        actor: "operator",
        details: { pid: owner.pid },
      },
    );
  }
  await unlink(file).catch(() => undefined);
}

/** A file without its line is being written now, or its writer was killed in that moment. */
async function readOwner(file: string): Promise<{ pid: number; start: string | null } | "gone" | null> {
  for (let tries = 0; tries < 10; tries++) {
    const text = await readFile(file, "utf8").catch(() => null);
    if (text === null) return "gone";
    const [, pid, start] = /^(\d+) (\S*)\n$/.exec(text) ?? [];
    if (pid !== undefined) return { pid: Number(pid), start: start || null };
    await sleep(50);
  }
  return null;
}

function unwritable(file: string, cause: unknown): RelaisError {
  return new RelaisError(
    "unavailable",
    `${resolve(file)} cannot be written. Give Relais a folder of its own with RELAIS_DATA_DIR, or mend the permissions or the disk.`,
    { actor: "operator", cause },
  );
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
