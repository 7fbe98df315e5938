import { dispatchDue, type DispatchTerms } from "../dispatch/dispatch-due.ts";
import type { Actor } from "../errors.ts";
import type { TransferId } from "../ids.ts";
import type { Ports, Reader } from "../ports.ts";
import { leaveIncomplete } from "../switch/leave-incomplete.ts";

/** How many transfers one sweep ends: bounds the transaction, not the number of transfers. */
const BATCH = 500;

/** Ends what is over, and rings for what is due: `queue` is the doorbell itself. Returns how many it rang for. */
export async function sweepTransfers(ports: Pick<Ports, "store" | "queue" | "clock">, terms?: DispatchTerms): Promise<number> {
  await endOverdue(ports);
  return dispatchDue(ports, terms);
}

async function endOverdue(ports: Pick<Ports, "store" | "clock">): Promise<void> {
  const now = ports.clock.now();
  const overdue = await ports.store.read((r) => r.transfers.overdue(BATCH));
  await ports.store.write(async (w) => {
    await w.permissions.expire(now);
    for (const { id, because } of overdue) {
      const transfer = await w.transfers.get(id);
      if (transfer.endedAt !== null || transfer.state === "received") continue;
      const actor = because === "consent_ended" ? "relais" : await whoFailed(w, id);
      await w.deliveries.interrupt(id, { state: "expired", reason: because, actor });
      await w.deliveries.addEvent(id, now, { kind: "expired", actor, details: { reason: because } });
      await leaveIncomplete(w, transfer);
    }
  });
}

/** Who has to mend what the last attempt failed at. Where attempts only broke off, workers did. */
async function whoFailed(r: Pick<Reader, "transfers">, id: TransferId): Promise<Actor> {
  return (await r.transfers.events(id)).findLast(({ kind }) => kind === "retry_planned")?.actor ?? "operator";
}
