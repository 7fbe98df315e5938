import { randomBytes } from "node:crypto";
import { open, readFile, rename } from "node:fs/promises";
import { verifyCheckpoint } from "../sdk/log.ts";
import { UsageError } from "./usage-error.ts";
import type { Milestone } from "./log-audit.ts";

/** What an outsider keeps of a log from one check to the next: its key and the last checkpoint that held. */
export interface LogMemory {
  key: string;
  checkpoint: string;
}

/** Null where the file does not exist yet. @throws UsageError where it is something else. */
export async function readMemory(file: string): Promise<LogMemory | null> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw new UsageError(`The state file ${file} cannot be read: ${error.message}`);
  });
  if (text === null) return null;
  try {
    const { key, checkpoint } = JSON.parse(text) as Partial<LogMemory>;
    verifyCheckpoint(String(checkpoint), String(key));
    return { key: String(key), checkpoint: String(checkpoint) };
  } catch (cause) {
    throw new UsageError(
      `${file} is no state file of "relais log verify", or it was changed. Take it from a backup; without it a fork goes unseen.`,
      {
        cause,
      },
    );
  }
}

export function milestoneOf({ key, checkpoint }: LogMemory, file: string): Milestone {
  return { ...verifyCheckpoint(checkpoint, key), source: `the checkpoint in ${file}` };
}

/** Replaced as a whole: a crash leaves the old file or the new one. */
export async function writeMemory(file: string, memory: LogMemory): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  {
    await using handle = await open(draft, "wx");
    await handle.writeFile(`${JSON.stringify(memory, null, 2)}\n`);
    await handle.sync();
  }
  await rename(draft, file);
}
