import type { ParticipantId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import type { Charters } from "./charter.ts";
import { grantAccreditation } from "./grant-accreditation.ts";
import type { TrustMark } from "./participant.ts";
import { OPERATOR } from "./record-decision.ts";
import type { MarkingPorts } from "./trust-mark.ts";
import type { Words } from "../catalogue/data-set.ts";

type AccreditingPorts = Pick<Ports, "store"> & MarkingPorts & { charters: Charters };

/**
 * Accredits at the operator's word, without an application: participants of the sandbox, and platforms that speak a standard of their own
 * and cannot be probed. The decision says so in public.
 * @throws RelaisError `not_found`, `conflict` where it is suspended (reinstate it).
 */
export async function accreditParticipant(
  ports: AccreditingPorts,
  { participantId, level, reasons }: { participantId: ParticipantId; level: TrustMark["level"]; reasons: Words },
): Promise<TrustMark> {
  const charter = ports.charters.current(ports.clock.now());
  return ports.store.write(async (w) => {
    const participant = await w.participants.get(participantId);
    const { mark } = await grantAccreditation(w, ports, {
      participant,
      application: null,
      charter,
      level,
      kind: "accredit",
      reasons,
      deciders: [OPERATOR],
    });
    return mark;
  });
}
