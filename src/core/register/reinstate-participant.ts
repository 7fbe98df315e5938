import { RelaisError } from "../errors.ts";
import type { ParticipantId } from "../ids.ts";
import type { Ports, Ring, Writer } from "../ports.ts";
import type { Transfer } from "../transfer/transfer.ts";
import { isAccredited, type TrustMark } from "./participant.ts";
import { issueMark, type MarkingPorts } from "./trust-mark.ts";

type ReinstatingPorts = Pick<Ports, "store" | "queue"> & MarkingPorts;

/**
 * Ends a suspension with a new mark of the earlier level, and lets the transfers that it paused go on, where the other end is
 * accredited too. Returns how many.
 * @throws RelaisError `conflict` where it is not suspended.
 */
export async function reinstateParticipant(
  ports: ReinstatingPorts,
  { participantId }: { participantId: ParticipantId },
): Promise<{ mark: TrustMark; resumed: number }> {
  const [participant, last] = await ports.store.read((r) =>
    Promise.all([r.participants.get(participantId), r.participants.findMark(participantId)]),
  );
  const mark = await issueMark(ports, participant, last?.level ?? 0);
  const rings = await ports.store.write(async (w) => {
    const { status } = await w.participants.get(participantId);
    if (status !== "suspended")
      throw new RelaisError("conflict", `${participant.name} is ${status}; only a suspended participant can be reinstated.`, {
        actor: "operator",
      });
    await w.register.addMark(mark);
    await w.register.setStatus(participantId, "accredited");
    return resumePaused(w, participantId, mark.issuedAt);
  });
  await ports.queue.ring(rings);
  return { mark, resumed: rings.length };
}

async function resumePaused(w: Writer, participantId: ParticipantId, now: Date): Promise<Ring[]> {
  const rings: Ring[] = [];
  for (const transfer of await w.deliveries.live({ participantId })) {
    if (transfer.state !== "paused" || transfer.reason !== "not_accredited" || !(await bothAccredited(w, transfer, now))) continue;
    await w.deliveries.interrupt(transfer.id, { state: "queued", reason: null, actor: null, dueAt: now });
    await w.deliveries.addEvent(transfer.id, now, { kind: "resumed", actor: "operator" });
    rings.push({ transferId: transfer.id, epoch: (await w.transfers.get(transfer.id)).epoch });
  }
  return rings;
}

async function bothAccredited(w: Writer, transfer: Transfer, now: Date): Promise<boolean> {
  for (const id of [transfer.sourceId, transfer.destinationId]) {
    if (!isAccredited(await w.participants.get(id), await w.participants.findMark(id), now)) return false;
  }
  return true;
}
