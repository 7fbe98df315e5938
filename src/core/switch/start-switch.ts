import { RelaisError } from "../errors.ts";
import type { ConsentId, PersonId, SwitchId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { accept } from "../transfer/request-transfer.ts";
import type { Transfer } from "../transfer/transfer.ts";

/** Starts the copy of a switch under its consent, or starts it again where items were missing. */
export async function startSwitch(
  ports: Pick<Ports, "store" | "queue" | "clock" | "policy">,
  start: { switchId: SwitchId; consentId: ConsentId; personId: PersonId },
): Promise<Transfer> {
  const now = ports.clock.now();
  const transfer = await ports.store.write(async (w) => {
    const row = await w.switches.get(start.switchId);
    const consent = await w.consents.get(start.consentId);
    if (row.personId !== start.personId || consent.switchId !== row.id)
      throw new RelaisError("not_found", "There is no switch with this id.");
    const accepted = await accept(w, { consentId: consent.id, personId: start.personId }, { policy: ports.policy, now });
    const moved = await w.moves.change(row.id, ["planned", "incomplete"], "copying", { consentId: consent.id, transferId: accepted.id });
    if (!moved) throw new RelaisError("conflict", "This switch is already under way or has ended.", { actor: "person" });
    return accepted;
  });
  await ports.queue.ring([{ transferId: transfer.id, epoch: transfer.epoch }]).catch(() => undefined);
  return transfer;
}
