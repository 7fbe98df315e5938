import type { TransferId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import type { Ring } from "../transfer/transfer-records.ts";
import type { Transfer } from "../transfer/transfer.ts";
import { isWaiting, judgeOf, resume } from "./apply-conditions.ts";

const BATCH = 500;

type ResumingPorts = Pick<Ports, "store" | "queue" | "clock" | "policy">;

/**
 * Lets transfers go on that wait for a condition which is met by now: a mark of a higher level, a certificate that was shown, a pause that was
 * written while the condition was being lifted. Returns how many.
 */
export async function resumeAllowed(ports: ResumingPorts): Promise<number> {
  let resumed = 0;
  let after: TransferId | undefined;
  for (;;) {
    const waiting = await ports.store.read((r) => r.transfers.paused({ reason: "condition_unmet", after, limit: BATCH }));
    const rings = await resumeThose(ports, waiting);
    if (rings.length > 0) await ports.queue.ring(rings).catch(() => undefined);
    resumed += rings.length;
    after = waiting.at(-1)?.id;
    if (waiting.length < BATCH) return resumed;
  }
}

async function resumeThose(ports: ResumingPorts, waiting: Transfer[]): Promise<Ring[]> {
  const rings: Ring[] = [];
  for (const [holderId, transfers] of Map.groupBy(waiting, ({ sourceId }) => sourceId)) {
    const allowed = await ports.store.read(async (r) => {
      const judge = await judgeOf(r, ports.policy, holderId, ports.clock.now());
      const judged = await Promise.all(transfers.map(async (transfer) => ({ transfer, refused: await judge(transfer) })));
      return judged.filter(({ refused }) => refused.length === 0).map(({ transfer }) => transfer);
    });
    for (const transfer of allowed) {
      const ring = await ports.store.write(async (w) => {
        const present = (await w.deliveries.live({ consentId: transfer.consentId })).find(({ id }) => id === transfer.id);
        return present && isWaiting(present) ? resume(w, present, ports.clock.now()) : null;
      });
      if (ring) rings.push(ring);
    }
  }
  return rings;
}
