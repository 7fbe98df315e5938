import { RelaisError } from "../errors.ts";
import type { ConsentId, PersonId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import { ownConsent } from "./decide-consent.ts";
import { stopTransfers } from "./stop-transfers.ts";
import { closeProposals } from "./succession.ts";

/**
 * Ends a consent at the person's word, and with it every transfer under way and every change that waits for an answer, in one transaction:
 * from then on no token of it is active, and a worker in the middle of it starts no further request within one second.
 */
export async function withdrawConsent(
  ports: Pick<Ports, "store" | "clock">,
  withdrawal: { consentId: ConsentId; personId: PersonId },
): Promise<{ stopped: number }> {
  const now = ports.clock.now();
  return ports.store.write((w) => withdrawWithin(w, withdrawal, now));
}

/** The writing step, for use cases that end more in the same transaction. */
export async function withdrawWithin(
  w: Writer,
  withdrawal: { consentId: ConsentId; personId: PersonId },
  now: Date,
): Promise<{ stopped: number }> {
  const consent = await ownConsent(w, withdrawal.consentId, withdrawal.personId);
  const moved = await w.permissions.move(consent.id, ["active", "suspended"], "withdrawn", { endedAt: now, endedBy: "person" });
  if (!moved) throw new RelaisError("conflict", "This permission has already ended.", { actor: "person" });
  await closeProposals(w, consent.id, now);
  return { stopped: await stopTransfers(w, consent.id, { now, actor: "person" }) };
}
