import { RelaisError } from "../errors.ts";
import type { Ports, Ring } from "../ports.ts";
import type { Words } from "../catalogue/data-set.ts";
import type { Decider, Organisation, OrganisationId } from "./application.ts";
import { applyReinstatement, applySanction } from "./change-standing.ts";
import type { Charters } from "./charter.ts";
import { accreditorName, mustBeImpartial, type RegisterCaller } from "./register-caller.ts";
import type { MarkingPorts } from "./trust-mark.ts";

type CascadePorts = Pick<Ports, "store" | "queue"> & MarkingPorts & { charters: Charters };

/**
 * Suspends an organisation, and with it every participant of it that takes part, or gives them back; one transaction. A participant that was
 * suspended for reasons of its own stays so.
 * @throws RelaisError `forbidden`, `conflict`.
 */
export async function changeOrganisation(
  ports: CascadePorts,
  caller: RegisterCaller,
  asked: { organisationId: OrganisationId; kind: "suspend" | "reinstate"; reasons: Words },
): Promise<{ organisation: Organisation; cascaded: number }> {
  const deciders: Decider[] = [{ name: accreditorName(caller), role: "accreditor" }];
  const rings: Ring[] = [];
  const done = await ports.store.write(async (w) => {
    rings.length = 0;
    const organisation = await w.accreditations.getOrganisation(asked.organisationId);
    const [from, to] = asked.kind === "suspend" ? (["active", "suspended"] as const) : (["suspended", "active"] as const);
    if (organisation.status !== from)
      throw new RelaisError("conflict", `${organisation.name} is ${organisation.status}; "${asked.kind}" is not possible now.`, {
        actor: "operator",
      });
    await w.cases.setOrganisationStatus(organisation.id, to);
    let cascaded = 0;
    for (const participantId of await w.accreditations.participantsOf(organisation.id)) {
      await mustBeImpartial(w, caller, participantId);
      const participant = await w.participants.get(participantId);
      const change = { participantId, deciders, reasons: asked.reasons, cascaded: true };
      if (asked.kind === "suspend" && participant.status === "accredited") await applySanction(w, ports, "suspend", change);
      else if (asked.kind === "reinstate" && participant.status === "suspended" && (await wasCascaded(w, participantId)))
        rings.push(...(await applyReinstatement(w, ports, change)).rings);
      else continue;
      cascaded += 1;
    }
    return { organisation: { ...organisation, status: to }, cascaded };
  });
  await ports.queue.ring(rings).catch(() => undefined);
  return done;
}

async function wasCascaded(
  w: Parameters<typeof applySanction>[0],
  participantId: Parameters<typeof applySanction>[3]["participantId"],
): Promise<boolean> {
  const decisions = await w.accreditations.decisions({ participantId, limit: 20 });
  return decisions.find(({ kind }) => kind === "suspend")?.effects.cascaded === 1;
}
