import type { ChildProcess } from "node:child_process";
import { isAlive } from "../../src/embedded/process.ts";

const GRACE_LOOKS = 50;
const living = new Set<ChildProcess>();

/** A program that does not outlive this process, also where that ends by an error that nobody catches. */
export function tiedToUs<T extends ChildProcess>(child: T): T {
  if (living.size === 0) process.prependOnceListener("exit", endAll);
  living.add(child);
  child.once("exit", () => {
    living.delete(child);
    if (living.size === 0) process.removeListener("exit", endAll);
  });
  return child;
}

/** Without the event loop, which has ended where this is needed. First gently: a server of several processes ends the others itself. */
function endAll(): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (const child of living) child.kill("SIGTERM");
  for (let look = 0; look < GRACE_LOOKS && [...living].some(({ pid }) => pid !== undefined && isAlive(pid)); look++)
    Atomics.wait(clock, 0, 0, 20);
  for (const child of living) child.kill("SIGKILL");
}
