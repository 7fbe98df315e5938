import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../src/core/ports.ts";

export const realClock: Clock = {
  now: () => new Date(),
  sleep: async (milliseconds, signal) => {
    await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
  },
};
