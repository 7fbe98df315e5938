import { RelaisError } from "../errors.ts";
import type { PersonId, TransferId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { leaveIncomplete } from "../switch/leave-incomplete.ts";
import { mayMove, type Transfer } from "./transfer.ts";

/** Stops one transfer at the person's word; the permission stays. What is at the destination already stays there. */
export async function cancelTransfer(
  ports: Pick<Ports, "store" | "clock">,
  request: { transferId: TransferId; personId: PersonId },
): Promise<Transfer> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    const transfer = await w.transfers.get(request.transferId);
    if (transfer.personId !== request.personId) throw new RelaisError("not_found", "There is no transfer with this id.");
    if (!mayMove(transfer.state, "cancelled"))
      throw new RelaisError("conflict", "This transfer can no longer be stopped: it has ended, or everything has arrived.", {
        actor: "person",
      });
    await w.deliveries.interrupt(transfer.id, { state: "cancelled", reason: "stopped", actor: "person" });
    await w.deliveries.addEvent(transfer.id, now, { kind: "stopped", actor: "person", details: { reason: "stopped" } });
    await leaveIncomplete(w, transfer);
    return w.transfers.get(transfer.id);
  });
}
