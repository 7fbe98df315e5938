import type { Writer } from "../ports.ts";
import type { Transfer } from "../transfer/transfer.ts";

/** A copy that ended without being verified leaves its switch incomplete: the person may copy again, and the gate stays shut. */
export async function leaveIncomplete(w: Writer, transfer: Pick<Transfer, "switchId">): Promise<void> {
  if (transfer.switchId !== null) await w.moves.change(transfer.switchId, ["copying"], "incomplete");
}
