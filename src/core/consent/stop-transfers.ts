import type { ConsentId } from "../ids.ts";
import type { Writer } from "../ports.ts";
import { leaveIncomplete } from "../switch/leave-incomplete.ts";
import { isTerminal } from "../transfer/transfer.ts";

/** Takes away what is under way under a consent that no longer stands. What the destination has in its hands already stays there. Returns how many. */
export async function stopTransfers(w: Writer, consentId: ConsentId, now: Date): Promise<number> {
  const live = (await w.deliveries.live({ consentId })).filter((transfer) => !isTerminal(transfer.state) && transfer.state !== "received");
  for (const transfer of live) {
    await w.deliveries.interrupt(transfer.id, { state: "cancelled", reason: "consent_ended", actor: "person" });
    await w.deliveries.addEvent(transfer.id, now, { kind: "stopped", actor: "person", details: { reason: "consent_ended" } });
    await leaveIncomplete(w, transfer);
  }
  return live.length;
}
