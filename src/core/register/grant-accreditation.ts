import { LIST_SIZE } from "../federation/status-list.ts";
import { RelaisError } from "../errors.ts";
import type { Writer } from "../ports.ts";
import { GIVEN, type Application, type Decider, type Decision } from "./application.ts";
import type { Charter } from "./charter.ts";
import type { Participant, TrustMark } from "./participant.ts";
import { recordDecision, tellEverybody } from "./record-decision.ts";
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
  effects?: Decision["effects"];
}

const YEAR_MILLISECONDS = 365 * 86_400_000;

/**
 * Accredits: one decision, one place in the log, one mark in force, in the caller's transaction.
 * @throws RelaisError `conflict` where the organisation or the participant was revoked or suspended meanwhile.
 */
export async function grantAccreditation(w: Writer, ports: MarkingPorts, grant: Grant): Promise<{ decision: Decision; mark: TrustMark }> {
  const { application, charter, level } = grant;
  const participant = await w.register.lock(grant.participant.id);
  await refuseWhereSanctioned(w, participant, grant.kind);
  const at = ports.clock.now();
  const until = endOf(charter, at);
  const decision = await recordDecision(w, { ...grant, participant, at });
  await w.register.revokeMarks(participant.id, at);
  const statusIndex = await w.register.freeStatusIndex(LIST_SIZE);
  const mark = await issueMark(ports, participant, { level, charter, logIndex: decision.logIndex, statusIndex, at, until });
  await w.register.addMark(mark);
  if (participant.status === "revoked") await w.register.setStatus(participant.id, "registered");
  await w.register.setStatus(participant.id, "accredited");
  if (application) await moveOn(w, application, grant.kind, { at, until });
  await tellEverybody(w, grant.kind === "reinstate" ? "accreditation-reinstated" : "accreditation-granted", decision);
  return { decision, mark };
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

/** One year, and not longer than accreditations under this version of the charter may stand. */
function endOf({ validUntil }: Charter, at: Date): Date {
  const year = new Date(at.getTime() + YEAR_MILLISECONDS);
  const last = validUntil === null ? year : new Date(`${validUntil}T23:59:59Z`);
  return last < year ? last : year;
}

async function refuseWhereSanctioned(w: Writer, participant: Participant, kind: Grant["kind"]): Promise<void> {
  const organisation = await w.accreditations.findOrganisationOf(participant.id);
  if (organisation !== null && organisation.status !== "active")
    throw new RelaisError(
      "conflict",
      `The organisation ${organisation.name} is ${organisation.status}. An accreditor must reinstate it first.`,
    );
  if (participant.status === "suspended" && kind !== "reinstate")
    throw new RelaisError("conflict", `${participant.name} is suspended. Reinstate it instead of accrediting it.`, { actor: "operator" });
}
