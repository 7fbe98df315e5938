import { RelaisError } from "../errors.ts";
import type { ConsentId, ParticipantId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { stopTransfers } from "./stop-transfers.ts";
import { closeProposals, isChangeable, presentConsent } from "./succession.ts";

/**
 * Ends a consent at the word of the participant that asked for it: *revoked*, which is told apart from *withdrawn* by the person. Transfers stop in
 * the same transaction, and so do changes that wait for an answer, as in a withdrawal. Where the person changed it since, what holds today ends.
 * @throws RelaisError `not_found` where it is not this participant's, or has ended.
 */
export async function revokeConsent(
  ports: Pick<Ports, "store" | "clock">,
  revocation: { consentId: ConsentId; by: ParticipantId },
): Promise<{ stopped: number }> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    const consent = await presentConsent(w, revocation.consentId);
    const isIts = consent.requesterId === revocation.by && isChangeable(consent);
    if (!isIts || !(await w.permissions.move(consent.id, ["active", "suspended"], "revoked", { endedAt: now, endedBy: "platform" })))
      throw new RelaisError("not_found", "There is no such permission, or it has ended.");
    await closeProposals(w, consent.id, now);
    return { stopped: await stopTransfers(w, consent.id, { now, actor: "platform" }) };
  });
}
