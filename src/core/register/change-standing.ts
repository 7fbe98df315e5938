import type { Words } from "../catalogue/data-set.ts";
import { RelaisError } from "../errors.ts";
import type { ParticipantId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import type { Ring } from "../transfer/transfer-records.ts";
import { GIVEN, type Application, type Decider, type Decision, type DecisionKind } from "./application.ts";
import type { Charters } from "./charter.ts";
import { grantAccreditation } from "./grant-accreditation.ts";
import type { AnnouncementKind } from "../person/person-notice.ts";
import type { Participant, Status, TrustMark } from "./participant.ts";
import { APPEAL, NO_EFFECTS, recordDecision, tellEverybody } from "./record-decision.ts";
import { settleSome, stopsAsSource } from "./settle-standing.ts";
import { standingOf } from "./standing.ts";
import type { MarkingPorts } from "./trust-mark.ts";

export interface Change {
  participantId: ParticipantId;
  deciders: Decider[];
  reasons: Words;
  remedy?: Words | null;
  /** By the standing of its organisation. */
  cascaded?: boolean;
}

type StandingPorts = Pick<Ports, "store" | "clock"> & { charters: Charters };

type Sanction = "suspend" | "revoke" | "expire" | "withdraw";

/** What each end of an accreditation means. All of it is one transaction. */
// oxfmt-ignore
const SANCTIONS = {
  suspend:  { from: ["accredited", "registered", "expired"],              status: "suspended",  event: "accreditation-suspended", application: "suspended", appeal: true,  told: "suspended" },
  revoke:   { from: ["accredited", "registered", "expired", "suspended"], status: "revoked",    event: "accreditation-revoked",   application: "revoked",   appeal: true,  told: "revoked" },
  expire:   { from: ["accredited", "suspended"],                          status: "expired",    event: "accreditation-expired",   application: "expired",   appeal: false, told: "expired" },
  withdraw: { from: ["accredited", "suspended"],                          status: "expired",   event: "accreditation-expired",   application: "withdrawn", appeal: false, told: "left" },
} as const satisfies Record<Sanction, { from: readonly Status[]; status: Status; event: Parameters<typeof tellEverybody>[1]; application: Application["state"]; appeal: boolean; told: AnnouncementKind }>;

/** Where whoever decides says nothing else: a suspension always names a way back. */
const REMEDY: Words = {
  fr: "Corrigez ce que les raisons nomment, puis écrivez-le dans la messagerie du dossier : deux personnes chargées de l’agrément décident du rétablissement.",
  en: "Mend what the reasons name, then say so in the messages of the application: two accreditors decide on the reinstatement.",
};

/**
 * Ends or suspends an accreditation: marks, permissions (where it is revoked), transfers, the public decision and the notices, in one
 * transaction. From its commit on no token of it is active.
 * @throws RelaisError `conflict` where its standing does not allow it.
 */
export async function endStanding(ports: StandingPorts, kind: Sanction, change: Change): Promise<Decision> {
  return ports.store.write((w) => applySanction(w, ports, kind, change));
}

/** The writing step, for use cases that write more in the same transaction. */
export async function applySanction(w: Writer, ports: Omit<StandingPorts, "store">, kind: Sanction, change: Change): Promise<Decision> {
  const participant = await w.register.lock(change.participantId);
  const rule = SANCTIONS[kind];
  if (!(rule.from as readonly Status[]).includes(participant.status)) throw wrongStanding(participant, kind);
  const at = ports.clock.now();
  const application = await w.accreditations.findGiven(participant.id);
  const mark = await w.participants.findMark(participant.id);
  await w.register.setStatus(participant.id, rule.status);
  await w.register.revokeMarks(participant.id, at);
  const reach = { participantId: participant.id, asSource: stopsAsSource(participant), at };
  if (kind === "revoke") await endForGood(w, reach);
  const { transfers: paused } = await w.accreditations.reach(participant.id);
  const { isDone } = await settleSome(w, { ...participant, status: rule.status }, at);
  if (application) await w.cases.moveApplication(application.id, GIVEN, rule.application, { changedAt: at });
  await w.cases.dropProposals(participant.id);
  const decision = await recordDecision(w, {
    ...change,
    participant,
    application,
    charter: charterOf(ports.charters, application, mark, at),
    kind,
    level: mark?.level ?? null,
    remedy: change.remedy ?? (kind === "suspend" ? REMEDY : null),
    appeal: rule.appeal ? APPEAL : null,
    effects: { ...NO_EFFECTS, paused, cascaded: change.cascaded ? 1 : 0 },
    at,
  });
  await tellEverybody(w, rule.event, decision);
  await w.announcements.announce({ decisionId: decision.id, participantId: participant.id, kind: rule.told, at, isSettled: isDone });
  return decision;
}

/** With a revocation permissions end, and so does an application that is open: the way back is an appeal. */
async function endForGood(w: Writer, reach: { participantId: ParticipantId; asSource: boolean; at: Date }): Promise<void> {
  const open = await w.accreditations.findOpen(reach.participantId);
  if (open) await w.cases.moveApplication(open.id, [open.state], "withdrawn", { changedAt: reach.at });
  await w.permissions.revokeAll({ ...reach, by: "operator" });
  await w.rules.dropCertificates(reach.participantId);
}

/** Ends an accreditation whose time is over. Null, and nothing changed, where it was renewed or ended otherwise meanwhile. */
export async function expireWhereOver(
  w: Writer,
  ports: Omit<StandingPorts, "store">,
  { participantId, ...change }: Change,
): Promise<Decision | null> {
  const participant = await w.register.lock(participantId);
  const now = ports.clock.now();
  const given = await w.accreditations.findGiven(participantId);
  const mark = await w.participants.findMark(participantId);
  const isOver = given === null ? standingOf(participant, mark, now) === "expired" : given.until !== null && given.until < now;
  if (!isOver || !(SANCTIONS.expire.from as readonly Status[]).includes(participant.status)) return null;
  return applySanction(w, ports, "expire", { participantId, ...change });
}

/**
 * Ends a suspension, or an expiry, with a new mark of the earlier level, and lets the transfers that it paused go on, where the other
 * end may take part too.
 * @throws RelaisError `conflict` where it is not suspended.
 */
export async function reinstateParticipant(
  ports: StandingPorts & MarkingPorts & Pick<Ports, "queue">,
  change: Change,
): Promise<{ decision: Decision; mark: TrustMark; resumed: number }> {
  const { rings, ...done } = await ports.store.write((w) => applyReinstatement(w, ports, change));
  // The doorbell may be out of order: the sweep rings again from the table.
  await ports.queue.ring(rings).catch(() => undefined);
  return { ...done, resumed: rings.length };
}

export async function applyReinstatement(
  w: Writer,
  ports: Omit<StandingPorts, "store"> & MarkingPorts,
  change: Change,
): Promise<{ decision: Decision; mark: TrustMark; rings: Ring[] }> {
  const participant = await w.register.lock(change.participantId);
  if (participant.status !== "suspended") throw wrongStanding(participant, "reinstate");
  const at = ports.clock.now();
  const given = await w.accreditations.findGiven(participant.id);
  const application = given && (await w.cases.lockApplication(given.id));
  const last = await w.participants.findMark(participant.id);
  const charter = ports.charters.get(charterOf(ports.charters, application, last, at).version);
  await w.cases.dropProposals(participant.id);
  return grantAccreditation(w, ports, {
    ...change,
    participant,
    application,
    charter,
    level: last?.level ?? 0,
    kind: "reinstate",
  });
}

/** The version that the mark was given under; the present one where there is none. */
function charterOf(
  charters: Charters,
  application: Application | null,
  mark: TrustMark | null,
  at: Date,
): { version: string; digest: string } {
  const version = application?.charterVersion ?? mark?.type.split("/").at(-1);
  const known = charters.list().find((charter) => charter.version === version);
  return known ?? charters.current(at);
}

function wrongStanding({ name, status }: Participant, kind: DecisionKind): RelaisError {
  return new RelaisError(
    "conflict",
    `${name} is ${status}; in this standing "${kind}" is not possible. Look at its present standing first.`,
    {
      actor: "operator",
    },
  );
}
