import type { Actor } from "../errors.ts";
import type { ConsentId } from "../ids.ts";
import type { Writer } from "../ports.ts";
import { leaveIncomplete } from "../switch/leave-incomplete.ts";
import { isTerminal } from "../transfer/transfer.ts";

/**
 * Takes every transfer under this consent away from whoever holds it, for good. What the destination has already confirmed is only still to be
 * compared: that goes on. Returns how many were stopped.
 */
export async function stopTransfers(w: Writer, consentId: ConsentId, { now, actor }: { now: Date; actor: Actor }): Promise<number> {
  const all = await w.deliveries.live({ consentId });
  // Proposals that an organisation has still to decide on: it is asked no more, and told.
  for (const resting of all.filter(({ state, dueAt }) => state === "received" && dueAt > now))
    await w.deliveries.interrupt(resting.id, { dueAt: now });
  const live = all.filter(({ state }) => !isTerminal(state) && state !== "received");
  for (const transfer of live) {
    await w.deliveries.interrupt(transfer.id, { state: "cancelled", reason: "consent_ended", actor });
    await w.deliveries.addEvent(transfer.id, now, { kind: "stopped", actor, details: { reason: "consent_ended" } });
    await leaveIncomplete(w, transfer);
  }
  return live.length;
}
