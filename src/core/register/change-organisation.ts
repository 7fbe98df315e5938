import type { Words } from "../catalogue/data-set.ts";
import { RelaisError } from "../errors.ts";
import type { ParticipantId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import type { Ring } from "../transfer/transfer-records.ts";
import type { Decider, Organisation, OrganisationId, OrganisationProposal } from "./application.ts";
import { applyReinstatement, applySanction, type Change } from "./change-standing.ts";
import type { Charters } from "./charter.ts";
import type { Participant, Status } from "./participant.ts";
import { accreditorName, mustBeImpartial, type RegisterCaller } from "./register-caller.ts";
import type { MarkingPorts } from "./trust-mark.ts";
import { countedWords, together, type OfficePorts } from "./two-accreditors.ts";

type CascadePorts = Pick<Ports, "store" | "queue"> & MarkingPorts & OfficePorts & { charters: Charters };

export type OrganisationAct = OrganisationProposal["kind"];

/** What may be decided about an organisation, how many accreditors it takes, and whom of its participants it reaches. */
// oxfmt-ignore
export const ORGANISATION_ACTS = {
  suspend:   { from: ["active"],               to: "suspended", accreditors: 1, reaches: ["accredited"] },
  reinstate: { from: ["suspended", "revoked"], to: "active",    accreditors: 2, reaches: ["suspended"] },
  revoke:    { from: ["active", "suspended"],  to: "revoked",   accreditors: 2, reaches: ["registered", "accredited", "suspended", "expired"] },
} as const satisfies Record<OrganisationAct, { from: readonly Organisation["status"][]; to: Organisation["status"]; accreditors: number; reaches: readonly Status[] }>;

export interface OrganisationDecision {
  organisation: Organisation;
  /** Participants whose standing went with it. */
  cascaded: number;
  /** False while a second accreditor has to confirm. */
  decided: boolean;
}

/**
 * Suspends or revokes an organisation, and with it its participants, or gives them back; one transaction. A participant that was suspended for
 * reasons of its own stays so, and one that was revoked comes back by an appeal only.
 * @throws RelaisError `forbidden`, `conflict` where its status does not allow it.
 */
export async function changeOrganisation(
  ports: CascadePorts,
  caller: RegisterCaller,
  asked: Pick<OrganisationProposal, "organisationId" | "kind" | "reasons" | "remedy">,
): Promise<OrganisationDecision> {
  const acting = accreditorName(caller);
  const { rings, ...done } = await ports.store.write(async (w) => {
    const organisation = await lockFor(w, asked);
    const about = await w.accreditations.participantsOf(organisation.id);
    for (const participantId of about) await mustBeImpartial(w, caller, participantId);
    const alike = (await w.accreditations.organisationProposals(organisation.id)).filter(({ kind }) => kind === asked.kind);
    const [earlier] = await countedWords(w, ports, alike, { by: ({ proposer }) => proposer, about });
    const names = together(earlier, acting, ORGANISATION_ACTS[asked.kind].accreditors);
    if (names === null) {
      await w.cases.putOrganisationProposal({ ...asked, proposer: acting, at: ports.clock.now() });
      return { organisation, cascaded: 0, decided: false, rings: [] };
    }
    return carryOut(w, ports, { ...asked, organisation, deciders: names.map((name) => ({ name, role: "accreditor" })) });
  });
  await ports.queue.ring(rings).catch(() => undefined);
  return done;
}

async function lockFor(
  w: Writer,
  { organisationId, kind }: { organisationId: OrganisationId; kind: OrganisationAct },
): Promise<Organisation> {
  const organisation = await w.cases.lockOrganisation(organisationId);
  if ((ORGANISATION_ACTS[kind].from as readonly string[]).includes(organisation.status)) return organisation;
  throw new RelaisError("conflict", `${organisation.name} is ${organisation.status}; "${kind}" is not possible now.`, {
    actor: "operator",
  });
}

interface CarriedOut {
  organisation: Organisation;
  kind: OrganisationAct;
  reasons: Words;
  remedy: Words | null;
  deciders: Decider[];
}

async function carryOut(w: Writer, ports: CascadePorts, act: CarriedOut): Promise<OrganisationDecision & { rings: Ring[] }> {
  const { id } = act.organisation;
  const { to, reaches } = ORGANISATION_ACTS[act.kind];
  await w.cases.setOrganisationStatus(id, to);
  await w.cases.dropOrganisationProposals(id);
  const rings: Ring[] = [];
  let cascaded = 0;
  for (const participantId of await w.accreditations.participantsOf(id)) {
    const participant = await w.register.lock(participantId);
    if (!(reaches as readonly Status[]).includes(participant.status)) continue;
    const more = await cascade(w, ports, act, participant);
    if (more === null) continue;
    rings.push(...more);
    cascaded += 1;
  }
  return { organisation: { ...act.organisation, status: to }, cascaded, decided: true, rings };
}

/** Transfers that go on; null where this participant's standing is a matter of its own. */
async function cascade(w: Writer, ports: CascadePorts, act: CarriedOut, { id }: Participant): Promise<Ring[] | null> {
  const change: Change = { participantId: id, deciders: act.deciders, reasons: act.reasons, remedy: act.remedy, cascaded: true };
  if (act.kind !== "reinstate") {
    await applySanction(w, ports, act.kind, change);
    return [];
  }
  return (await wasCascaded(w, id)) ? (await applyReinstatement(w, ports, change)).rings : null;
}

async function wasCascaded(w: Writer, participantId: ParticipantId): Promise<boolean> {
  return (await w.accreditations.lastDecision(participantId, ["suspend"]))?.effects.cascaded === 1;
}
