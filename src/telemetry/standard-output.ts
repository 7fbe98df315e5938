import { writeSync } from "node:fs";

/** So much is kept while nothing is taken. */
const MOST_KEPT = 256 * 1024;
const DESCRIPTOR = 1;

/**
 * Takes lines at once: the last ones before an end are the ones that are needed, and they are few. A full disk, or a reader that stalls, ends nothing and keeps
 * nobody waiting: what is not taken is kept and tried again with the next line and at the end; beyond that, lines are left out, and `missing` says how many of them
 * once there is room.
 */
export function standardOutput(missing: (count: number) => string): { write(line: string): void } {
  let kept = Buffer.alloc(0);
  let leftOut = 0;
  const push = (): void => {
    try {
      while (kept.length > 0) kept = kept.subarray(writeSync(DESCRIPTOR, kept));
    } catch {
      // It has no room, or nobody reads.
    }
  };
  const add = (line: string): boolean => {
    const bytes = Buffer.from(line);
    if (kept.length + bytes.length > MOST_KEPT) return false;
    kept = kept.length === 0 ? bytes : Buffer.concat([kept, bytes]);
    return true;
  };
  process.once("exit", push);
  return {
    write: (line) => {
      const isAdded = add(line);
      push();
      if (!isAdded && !(kept.length === 0 && add(line))) leftOut++;
      if (leftOut > 0 && kept.length === 0) {
        add(missing(leftOut));
        leftOut = 0;
      }
      push();
    },
  };
}
