import { LIST_SIZE } from "../federation/status-list.ts";
import { RelaisError } from "../errors.ts";
import type { Writer } from "../ports.ts";
import type { Ring } from "../transfer/transfer-records.ts";
import { GIVEN, type Application, type Decider, type Decision } from "./application.ts";
import { endOfAccreditation, type Charter } from "./charter.ts";
import type { Participant, TrustMark } from "./participant.ts";
import { NO_EFFECTS, recordDecision, tellEverybody } from "./record-decision.ts";
import { settleSome } from "./settle-standing.ts";
import { issueMark, type MarkingPorts } from "./trust-mark.ts";
import type { Words } from "../catalogue/data-set.ts";

export interface Grant {
  participant: Participant;
  application: Application | null;
  charter: Charter;
  level: TrustMark["level"];
  kind: "accredit" | "renew" | "reinstate";
  reasons: Words;
  deciders: Decider[];
}

/**
 * Accredits: one decision, one place in the log, one mark in force, in the caller's transaction. Transfers that waited for the accreditation go on
 * with it, where the other end may take part too.
 * @throws RelaisError `conflict` where the organisation or the participant was revoked or suspended meanwhile.
 */
export async function grantAccreditation(
  w: Writer,
  ports: MarkingPorts,
  grant: Grant,
): Promise<{ decision: Decision; mark: TrustMark; rings: Ring[] }> {
  const { application, charter, level } = grant;
  const participant = await w.register.lock(grant.participant.id);
  const barrier = await barrierTo(w, participant, { ...grant, byChecks: isAutomatic(grant.deciders) });
  if (barrier !== null) throw new RelaisError("conflict", barrier.en, { actor: "operator" });
  const at = ports.clock.now();
  const until = endOfAccreditation(charter, at);
  if (participant.status === "revoked") await w.register.setStatus(participant.id, "registered");
  await w.register.setStatus(participant.id, "accredited");
  await w.register.revokeMarks(participant.id, at);
  if (application) await moveOn(w, application, grant.kind, { at, until });
  const { rings, isDone } = await settleSome(w, { ...participant, status: "accredited" }, at);
  const decision = await recordDecision(w, { ...grant, participant, effects: { ...NO_EFFECTS, resumed: rings.length }, at });
  const statusIndex = await w.register.freeStatusIndex(LIST_SIZE);
  const mark = await issueMark(ports, participant, { level, charter, logIndex: decision.logIndex, statusIndex, at, until });
  await w.register.addMark(mark);
  await tellEverybody(w, grant.kind === "reinstate" ? "accreditation-reinstated" : "accreditation-granted", decision);
  const { id: decisionId, participantId } = decision;
  if (participant.status !== "accredited")
    await w.announcements.announce({ decisionId, participantId, kind: "returned", at, isSettled: isDone });
  return { decision, mark, rings };
}

/** An accreditation that stood until now, by an earlier application, is replaced. */
async function moveOn(
  w: Writer,
  { id, state, participantId }: Application,
  kind: Grant["kind"],
  { at, until }: { at: Date; until: Date },
): Promise<void> {
  const earlier = await w.accreditations.findGiven(participantId);
  if (earlier !== null && earlier.id !== id) await w.cases.moveApplication(earlier.id, GIVEN, "expired", { changedAt: at });
  const next = { accredit: "accredited", renew: state, reinstate: "reinstated" } as const satisfies Record<
    Grant["kind"],
    Application["state"]
  >;
  if (!(await w.cases.moveApplication(id, [state], next[kind], { changedAt: at, until })))
    throw new RelaisError("conflict", "The application moved on meanwhile. Look at it again.", { actor: "operator" });
}

/** Why nothing can be given to this participant now, whatever the checks and the accreditors found; null where it can. */
export async function barrierTo(
  w: Writer,
  { id, name, status }: Participant,
  { kind, application, byChecks }: Pick<Grant, "kind" | "application"> & { /** Nobody looks at it. */ byChecks: boolean },
): Promise<Words | null> {
  const organisation = await w.accreditations.findOrganisationOf(id);
  if (organisation !== null && organisation.status !== "active")
    return {
      fr: `L’organisation ${organisation.name} est ${organisation.status === "suspended" ? "suspendue" : "révoquée"}. Une personne chargée de l’agrément doit d’abord la rétablir.`,
      en: `The organisation ${organisation.name} is ${organisation.status}. An accreditor must reinstate it first.`,
    };
  if (status === "suspended" && kind !== "reinstate")
    return {
      fr: `${name} est suspendu. Une personne chargée de l’agrément le rétablit, au lieu de l’agréer.`,
      en: `${name} is suspended. Reinstate it instead of accrediting it.`,
    };
  if (status === "revoked" && application !== null)
    return {
      fr: `${name} est révoqué. Son recours doit d’abord être accepté.`,
      en: `${name} is revoked. Its appeal must be upheld first.`,
    };
  if (kind === "accredit" && byChecks && (await leftWhileSuspended(w, id)))
    return {
      fr: `${name} était suspendu quand son agrément a pris fin, et personne ne l’a rétabli. Demandez le niveau 2 : deux personnes chargées de l’agrément décident.`,
      en: `${name} was suspended when its accreditation ended, and nobody reinstated it. Apply at level 2: two accreditors decide.`,
    };
  return null;
}

function isAutomatic(deciders: readonly Decider[]): boolean {
  return deciders.every(({ role }) => role === "automatic");
}

/** Giving a suspended accreditation back, or letting it run out, does not lift what people decided. What its organisation's standing brought ends with that. */
async function leftWhileSuspended(w: Writer, id: Participant["id"]): Promise<boolean> {
  const last = await w.accreditations.lastDecision(id, ["accredit", "suspend", "reinstate", "revoke"]);
  return last?.kind === "suspend" && last.effects.cascaded === 0 && !isAutomatic(last.deciders);
}
