import { RelaisError } from "../errors.ts";
import type { ParticipantId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import type { TrustMark } from "./participant.ts";
import { issueMark, type MarkingPorts } from "./trust-mark.ts";

type AccreditingPorts = Pick<Ports, "store"> & MarkingPorts;

/**
 * Accredits a participant, or renews its accreditation. The new mark replaces the earlier ones: one mark is in force at a time.
 * @throws RelaisError `not_found`, `conflict` where it is suspended (reinstate it) or revoked.
 */
export async function accreditParticipant(
  ports: AccreditingPorts,
  decision: { participantId: ParticipantId; level: TrustMark["level"] },
): Promise<TrustMark> {
  const participant = await ports.store.read((r) => r.participants.get(decision.participantId));
  const mark = await issueMark(ports, participant, decision.level);
  await ports.store.write(async (w) => {
    const { status } = await w.participants.get(participant.id);
    if (status === "suspended" || status === "revoked")
      throw new RelaisError("conflict", `${participant.name} is ${status}. Reinstate it instead of accrediting it.`, { actor: "operator" });
    await w.register.revokeMarks(participant.id, mark.issuedAt);
    await w.register.addMark(mark);
    await w.register.setStatus(participant.id, "accredited");
  });
  return mark;
}
