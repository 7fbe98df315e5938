import type { Actor } from "../errors.ts";
import { RelaisError } from "../errors.ts";
import type { ParticipantId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { mayMove } from "../transfer/transfer.ts";
import type { Participant } from "./participant.ts";

/**
 * Suspends a participant in one transaction: its marks end, and every transfer that reads from it or delivers to it pauses.
 * From then on no token of it is active. Returns how many transfers paused.
 * @throws RelaisError `conflict` where it is not accredited.
 */
export async function suspendParticipant(
  ports: Pick<Ports, "store" | "clock">,
  { participantId }: { participantId: ParticipantId },
): Promise<{ paused: number }> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    const participant = await w.participants.get(participantId);
    if (participant.status !== "accredited")
      throw new RelaisError("conflict", `${participant.name} is ${participant.status}; only an accredited participant can be suspended.`, {
        actor: "operator",
      });
    await w.register.setStatus(participantId, "suspended");
    await w.register.revokeMarks(participantId, now);
    const running = (await w.deliveries.live({ participantId })).filter((transfer) => mayMove(transfer.state, "paused"));
    for (const transfer of running) {
      const actor = actorOf(participant);
      await w.deliveries.interrupt(transfer.id, { state: "paused", reason: "not_accredited", actor });
      await w.deliveries.addEvent(transfer.id, now, { kind: "paused", actor, details: { reason: "not_accredited" } });
    }
    return { paused: running.length };
  });
}

/** Who can mend it: the participant itself. */
function actorOf({ roles }: Participant): Actor {
  return roles.includes("holder") ? "holder" : "platform";
}
