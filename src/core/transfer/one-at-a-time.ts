import type { Ring } from "./transfer-records.ts";

/**
 * In one process, one attempt at a transfer at a time: a ring for one that is under way here is nobody's. On a machine so busy that an attempt renews its
 * lease too late, it goes on once it did; a second one beside it would take the transfer away and be as late itself (24 attempts were seen where one was
 * enough). Other processes are not asked: a lease that ran out is theirs to take.
 */
export function oneAtATime(run: (ring: Ring) => Promise<void>): (ring: Ring) => Promise<void> {
  const running = new Set<Ring["transferId"]>();
  return async (ring) => {
    if (running.has(ring.transferId)) return;
    running.add(ring.transferId);
    try {
      await run(ring);
    } finally {
      running.delete(ring.transferId);
    }
  };
}
