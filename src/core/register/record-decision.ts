import type { Words } from "../catalogue/data-set.ts";
import type { RegisterEventType } from "../events/outbox.ts";
import { newId } from "../ids.ts";
import type { Writer } from "../ports.ts";
import type { Application, Decider, Decision, DecisionKind } from "./application.ts";
import type { Charter } from "./charter.ts";
import type { Participant, TrustMark } from "./participant.ts";

/** The operator's first word on participants that do not publish what could be checked. */
export const OPERATOR: Decider = { name: "operator", role: "accreditor" };
export const AUTOMATIC: Decider = { name: "relais", role: "automatic" };

export interface Decided {
  participant: Participant;
  application: Application | null;
  charter: Pick<Charter, "version" | "digest">;
  kind: DecisionKind;
  level: TrustMark["level"] | null;
  reasons: Words;
  remedy?: Words | null;
  appeal?: Words | null;
  deciders: Decider[];
  effects?: Decision["effects"];
  at: Date;
}

export const NO_EFFECTS: Decision["effects"] = { paused: 0, resumed: 0, cascaded: 0 };

/** How a participant that disagrees is heard. The same words on every sanction. */
export const APPEAL: Words = {
  fr: "Vous pouvez contester cette décision : répondez dans la messagerie du dossier. Deux autres personnes chargées de l’agrément la réexaminent.",
  en: "You can contest this decision: answer in the messages of the application. Two other accreditors look at it again.",
};

/** Writes a decision and its place in the public log. It is part of the transaction that carries it out. */
export async function recordDecision(w: Writer, decided: Decided): Promise<Decision> {
  const {
    participant,
    application,
    charter,
    kind,
    level,
    reasons,
    remedy = null,
    appeal = null,
    deciders,
    effects = NO_EFFECTS,
    at,
  } = decided;
  const id = newId("decision");
  const logIndex = await w.log.append({
    kind: "decision",
    at,
    body: {
      decision: id,
      participant: participant.entityId,
      decided: kind,
      level,
      charter: charter.version,
      charter_digest: charter.digest,
      reasons: { ...reasons },
      decided_by: [...new Set(deciders.map(({ role }) => role))],
    },
  });
  const decision: Decision = {
    id,
    applicationId: application?.id ?? null,
    participantId: participant.id,
    kind,
    level,
    charterVersion: charter.version,
    charterDigest: charter.digest,
    reasons,
    remedy,
    appeal,
    deciders,
    effects,
    decidedAt: at,
    logIndex,
  };
  await w.cases.addDecision(decision);
  return decision;
}

/**
 * Tells every accredited participant, and the one that it is about, what changed. What happens in the sandbox (level 0) is told to whom it is
 * about alone: anybody may join there, and nobody's data depends on it.
 */
export async function tellEverybody(w: Writer, type: RegisterEventType, decision: Decision): Promise<void> {
  const others = decision.level === 0 ? [] : await w.participants.recipients();
  const recipients = new Set([...others, decision.participantId]);
  const { id, level, reasons, kind, logIndex } = decision;
  await w.notices.tell(
    {
      type,
      about: decision.participantId,
      at: decision.decidedAt,
      details: { decision: id, kind, level, reasons: { ...reasons }, log_index: logIndex },
    },
    [...recipients],
  );
}
