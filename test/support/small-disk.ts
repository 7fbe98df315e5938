import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Mounting one takes root. What a test that needs it is skipped for. */
export const noSmallDisk =
  process.platform !== "linux" || process.getuid?.() !== 0 ? "a small disk can be mounted by root on Linux alone" : false;

export interface SmallDisk extends Disposable {
  folder: string;
  /** Leaves no byte of room. */
  fill(): void;
  /** There is room again. */
  free(): void;
}

/** A disk of so many MiB, mounted on this folder. */
export function smallDisk(folder: string, megabytes: number, owner: { uid: number; gid: number } = { uid: 0, gid: 0 }): SmallDisk {
  mkdirSync(folder, { recursive: true });
  const options = `size=${megabytes}m,mode=700,uid=${owner.uid},gid=${owner.gid}`;
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]);
  const ballast = join(folder, "ballast");
  return {
    folder,
    fill: () => {
      for (let bytes = megabytes * 1024 * 1024; bytes >= 1; bytes = Math.floor(bytes / 2)) while (isTaken(ballast, bytes));
    },
    free: () => rmSync(ballast),
    [Symbol.dispose]: () => {
      execFileSync("umount", ["-l", folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isTaken(file: string, bytes: number): boolean {
  try {
    writeFileSync(file, Buffer.alloc(bytes), { flag: "a" });
    return true;
  } catch {
    return false;
  }
}
