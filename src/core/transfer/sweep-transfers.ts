import type { Ports } from "../ports.ts";
import { leaveIncomplete } from "../switch/leave-incomplete.ts";

/** How many transfers one sweep rings: bounds the depth of the queue, not the number of transfers. */
const BATCH = 500;

/**
 * Rings for all work that is due and that nobody holds, and ends what is over. The same for a first try, for a retry, after a
 * crash and after the loss of the queue. Returns how many it rang.
 */
export async function sweepTransfers(ports: Pick<Ports, "store" | "queue" | "clock">): Promise<number> {
  await expire(ports);
  const due = await ports.store.read((r) => r.transfers.due(BATCH));
  const scheduled = due.filter((transfer) => transfer.state === "scheduled");
  if (scheduled.length > 0) {
    await ports.store.write(async (w) => {
      for (const transfer of scheduled) await w.deliveries.change(transfer.id, transfer.epoch, { state: "queued" });
    });
  }
  if (due.length > 0) await ports.queue.ring(due.map(({ id, epoch }) => ({ transferId: id, epoch })));
  return due.length;
}

async function expire(ports: Pick<Ports, "store" | "clock">): Promise<void> {
  const now = ports.clock.now();
  const overdue = await ports.store.read((r) => r.transfers.overdue(BATCH));
  await ports.store.write(async (w) => {
    await w.permissions.expire(now);
    for (const { id } of overdue) {
      const transfer = await w.transfers.get(id);
      if (transfer.endedAt !== null || transfer.state === "received") continue;
      await w.deliveries.interrupt(id, { state: "expired", reason: "consent_ended", actor: "relais" });
      await w.deliveries.addEvent(id, now, { kind: "expired", actor: "relais" });
      await leaveIncomplete(w, transfer);
    }
  });
}
