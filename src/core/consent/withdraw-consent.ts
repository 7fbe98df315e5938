import { RelaisError } from "../errors.ts";
import type { ConsentId, ParticipantId, PersonId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import { ownConsent } from "./decide-consent.ts";
import { stopTransfers } from "./stop-transfers.ts";
import { closeProposals, isChangeable } from "./succession.ts";

/**
 * Ends a consent at the person's word, and with it every transfer under way and every change that waits for an answer, in one transaction:
 * from then on no token of it is active, and a worker in the middle of it starts no further request within one second.
 */
export async function withdrawConsent(
  ports: Pick<Ports, "store" | "clock">,
  withdrawal: { consentId: ConsentId; personId: PersonId },
): Promise<{ stopped: number }> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    const consent = await ownConsent(w, withdrawal.consentId, withdrawal.personId);
    const stopped = await withdraw(w, consent.id, now);
    if (stopped === null) throw new RelaisError("conflict", "This permission has already ended.", { actor: "person" });
    return { stopped };
  });
}

/** How many transfers were stopped; null where it had ended before. */
export async function withdraw(w: Writer, id: ConsentId, now: Date): Promise<number | null> {
  if (!(await w.permissions.move(id, ["active", "suspended"], "withdrawn", { endedAt: now, endedBy: "person" }))) return null;
  await closeProposals(w, id, now);
  return stopTransfers(w, id, { now, actor: "person" });
}

/** Ends everything of this person that one place sends (`from`) or receives (`to`), in one transaction. Returns how many consents ended. */
export async function withdrawAll(
  ports: Pick<Ports, "store" | "clock">,
  wish: { personId: PersonId } & ({ from: ParticipantId } | { to: ParticipantId }),
): Promise<{ stopped: number }> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    const own = (await w.consents.list(wish.personId)).filter(isChangeable);
    const meant = own.filter(({ sourceId, destinationId }) => ("from" in wish ? sourceId === wish.from : destinationId === wish.to));
    let stopped = 0;
    for (const { id } of meant) if ((await withdraw(w, id, now)) !== null) stopped += 1;
    return { stopped };
  });
}
