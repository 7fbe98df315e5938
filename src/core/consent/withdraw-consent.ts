import { RelaisError } from "../errors.ts";
import type { ConsentId, PersonId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { leaveIncomplete } from "../switch/leave-incomplete.ts";
import { isTerminal } from "../transfer/transfer.ts";
import { ownConsent } from "./decide-consent.ts";

/**
 * Ends a consent at the person's word, and with it every transfer under way, in one transaction: from then on no token of it is
 * active, and a worker in the middle of it starts no further request within one second.
 */
export async function withdrawConsent(
  ports: Pick<Ports, "store" | "clock">,
  withdrawal: { consentId: ConsentId; personId: PersonId },
): Promise<{ stopped: number }> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    const consent = await ownConsent(w, withdrawal.consentId, withdrawal.personId);
    const moved = await w.permissions.move(consent.id, ["active", "suspended"], "withdrawn", { endedAt: now, endedBy: "person" });
    if (!moved) throw new RelaisError("conflict", "This permission has already ended.", { actor: "person" });
    const live = (await w.deliveries.live({ consentId: consent.id })).filter(
      (transfer) => !isTerminal(transfer.state) && transfer.state !== "received",
    );
    for (const transfer of live) {
      await w.deliveries.interrupt(transfer.id, { state: "cancelled", reason: "consent_ended", actor: "person" });
      await w.deliveries.addEvent(transfer.id, now, { kind: "stopped", actor: "person", details: { reason: "consent_ended" } });
      await leaveIncomplete(w, transfer);
    }
    return { stopped: live.length };
  });
}
