import type { Words } from "../catalogue/data-set.ts";
import { newId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import type { Ring } from "../transfer/transfer-records.ts";
import type { Application, CriterionResult, ProbeRunRow } from "./application.ts";
import { applyReinstatement, applySanction } from "./change-standing.ts";
import type { Charter, Charters, Criterion } from "./charter.ts";
import { evaluateCriterion } from "./evaluate-criterion.ts";
import { readFacts } from "./facts.ts";
import { barrierTo, grantAccreditation } from "./grant-accreditation.ts";
import type { Participant } from "./participant.ts";
import { AUTOMATIC, recordDecision } from "./record-decision.ts";
import { criteriaOf, RENEWAL_DAYS, renewsItself } from "./requirements.ts";
import { settleChange } from "./settle-change.ts";
import type { MarkingPorts } from "./trust-mark.ts";

type ConcludingPorts = Pick<Ports, "store" | "queue"> & MarkingPorts & { charters: Charters };

const BATCH = 20;
const DAY_MILLISECONDS = 86_400_000;
/** A check that costs the accreditation must fail twice: one bad minute is not a verdict. */
const CONFIRM_MILLISECONDS = 15 * 60_000;

/**
 * Draws the conclusions of looks that ended, each once, whatever process gets there first. Returns how many it looked at.
 * @throws the first failure, once all others were drawn.
 */
export async function concludeChecks(ports: ConcludingPorts): Promise<number> {
  // Those that cannot be concluded (their version of the charter is gone) keep no others waiting, however many they are.
  const failed: ProbeRunRow["id"][] = [];
  const failures: unknown[] = [];
  for (let concluded = 0; ;) {
    const runs = await ports.store.read((r) => r.accreditations.runsToConclude({ limit: BATCH, except: failed }));
    for (const run of runs) {
      const drawn = await ports.store.write((w) => conclude(w, ports, run)).catch((error: unknown) => (failures.push(error), null));
      if (drawn === null) failed.push(run.id);
      else if (drawn.length > 0) await ports.queue.ring(drawn).catch(() => undefined);
    }
    concluded += runs.length;
    if (runs.length === BATCH) continue;
    if (failures.length > 0) throw failures[0];
    return concluded;
  }
}

async function conclude(w: Writer, ports: ConcludingPorts, run: ProbeRunRow): Promise<Ring[]> {
  const at = ports.clock.now();
  if (!(await w.cases.concludeRun(run.id, at))) return [];
  const { participant, isOther } = await settleChange(w, await w.register.lock(run.participantId), run, at);
  const rings = await concludeFor(w, ports, { ...run, isOther }, participant);
  await lookAtWhatWaits(w, participant.id, at);
  if (isOther) await askForLook(w, { participantId: participant.id, application: await w.accreditations.findGiven(participant.id), at });
  return rings;
}

/** An application that was submitted while a look for something else was under way has its own now. */
async function lookAtWhatWaits(w: Writer, participantId: Participant["id"], at: Date): Promise<void> {
  const open = await w.accreditations.findOpen(participantId);
  if (open?.state === "submitted") await askForLook(w, { participantId, application: open, at });
}

/** For the application that asked for it, and for the accreditation that stands: no application keeps that from being looked at. */
async function concludeFor(w: Writer, ports: ConcludingPorts, run: Concluded, participant: Participant): Promise<Ring[]> {
  const decided = await decideWhereAsked(w, ports, run, participant);
  const given = await w.accreditations.findGiven(participant.id);
  const isOver = decided !== null && (given?.id === run.applicationId || !isKnown(ports.charters, given));
  if (given === null || isOver) return decided ?? [];
  const looked = await evaluateNow(w, ports, participant, given);
  return [...(decided ?? []), ...(await recheck(w, ports, looked))];
}

type Concluded = ProbeRunRow & { /** It was at another place than the present one. */ isOther: boolean };

function isKnown(charters: Charters, given: Application | null): boolean {
  return given !== null && charters.list().some(({ version }) => version === given.charterVersion);
}

/** Null where it says nothing: a look at an earlier round or another place, or at an application that is not handed in or ended meanwhile. */
async function decideWhereAsked(w: Writer, ports: ConcludingPorts, run: Concluded, participant: Participant): Promise<Ring[] | null> {
  if (run.applicationId === null) return null;
  const application = await w.cases.lockApplication(run.applicationId);
  if (application.state !== "submitted" || run.round !== application.round || run.isOther) return null;
  return decide(w, ports, await evaluateNow(w, ports, participant, application));
}

async function evaluateNow(w: Writer, ports: ConcludingPorts, participant: Participant, { id }: Application): Promise<Looked> {
  const looked = await evaluate(w, ports, participant, await w.cases.lockApplication(id));
  await w.cases.putResults(id, looked.application.round, looked.results);
  return looked;
}

interface Looked {
  participant: Participant;
  application: Application;
  charter: Charter;
  results: CriterionResult[];
  unmet: { criterion: Criterion; result: CriterionResult }[];
}

async function evaluate(w: Writer, ports: ConcludingPorts, participant: Participant, application: Application): Promise<Looked> {
  const charter = ports.charters.get(application.charterVersion);
  const facts = await readFacts(w, participant, application, charter);
  const earlier = new Map((await w.accreditations.results(application.id, application.round)).map((result) => [result.criterion, result]));
  const now = ports.clock.now();
  const looked = criteriaOf(charter, application, participant).map((criterion) => {
    const { outcome, because } = evaluateCriterion(criterion, facts, now);
    const dueAt = outcome === "met" ? null : dueDate(criterion, earlier.get(criterion.id)?.dueAt ?? null, now);
    return { criterion, result: { criterion: criterion.id, outcome, because, checkedAt: now, dueAt } };
  });
  return {
    participant,
    application,
    charter,
    results: looked.map(({ result }) => result),
    unmet: looked.filter(({ result }) => result.outcome !== "met"),
  };
}

/** The first failure sets the date; failing again does not move it. */
function dueDate({ onFailure }: Criterion, earlier: Date | null, now: Date): Date | null {
  if (onFailure.kind === "warn") return null;
  const patience = onFailure.kind === "suspend" ? CONFIRM_MILLISECONDS : onFailure.days * DAY_MILLISECONDS;
  return earlier ?? new Date(now.getTime() + patience);
}

/** The end of the automatic part of an application: level 1 is decided here, level 2 goes on to accreditors. */
async function decide(w: Writer, ports: ConcludingPorts, looked: Looked): Promise<Ring[]> {
  const { participant, application, charter, unmet } = looked;
  const at = ports.clock.now();
  const decidable = unmet.filter(({ criterion }) => !isForAccreditors(criterion));
  const barrier = await barrierTo(w, participant, { kind: "accredit", application, byChecks: application.level === 1 });
  await w.cases.moveApplication(application.id, ["submitted"], "checking", { changedAt: at });
  const checked = { ...application, state: "checking" } as const;
  if (decidable.length > 0 || barrier !== null) {
    await recordDecision(w, {
      participant,
      application,
      charter,
      kind: "request_changes",
      level: application.level,
      reasons: barrier ?? reasonsOf(decidable),
      remedy: barrier === null ? REMEDY : null,
      deciders: [AUTOMATIC],
      at,
    });
    await w.cases.moveApplication(application.id, ["checking"], "changes_requested", { changedAt: at });
  } else if (application.level === 2) {
    await w.cases.moveApplication(application.id, ["checking"], "in_review", { changedAt: at });
  } else {
    const grant = {
      participant,
      application: checked,
      charter,
      level: 1,
      kind: "accredit",
      reasons: ALL_MET,
      deciders: [AUTOMATIC],
    } as const;
    return (await grantAccreditation(w, ports, { ...grant, deciders: [...grant.deciders] })).rings;
  }
  return [];
}

const ALL_MET: Words = {
  fr: "Tous les critères du niveau 1 sont remplis ; tous les contrôles automatiques ont réussi.",
  en: "All criteria of level 1 are met; every automatic check passed.",
};

/** What only people can find. */
export function isForAccreditors({ check }: Criterion): boolean {
  return check.kind === "human_review" || check.kind === "attested_by";
}

const REMEDY: Words = {
  fr: "Corrigez ces points, puis envoyez de nouveau la demande. Chaque contrôle dit comment le refaire vous-même.",
  en: "Mend these points, then submit again. Each check says how to repeat it yourself.",
};

function reasonsOf(unmet: Looked["unmet"]): Words {
  const list = (lang: keyof Words): string =>
    unmet
      .slice(0, 10)
      .map(({ criterion, result }) => `${criterion.title[lang]} : ${result.because[lang]}`.replace(" : ", lang === "fr" ? " : " : ": "))
      .join(" ");
  return { fr: list("fr"), en: list("en") };
}

/** An accreditation that stands is looked at again: renewed, warned, suspended or given back by rule. */
async function recheck(w: Writer, ports: ConcludingPorts, looked: Looked): Promise<Ring[]> {
  const { participant, application, charter, unmet } = looked;
  const now = ports.clock.now();
  const change = { participantId: participant.id, deciders: [AUTOMATIC] };
  const overdue = unmet.filter(({ result }) => result.dueAt !== null && result.dueAt <= now);
  if (application.state !== "suspended" && overdue.length > 0) {
    await applySanction(w, ports, "suspend", { ...change, reasons: reasonsOf(overdue), remedy: REMEDY });
    return [];
  }
  if (unmet.length > 0) return [];
  if (application.state === "suspended") return reinstateWhereAutomatic(w, ports, looked);
  const isNear = application.until !== null && application.until.getTime() - now.getTime() < RENEWAL_DAYS * DAY_MILLISECONDS;
  if (isNear && renewsItself(application, charter, now))
    await grantAccreditation(w, ports, {
      participant,
      application,
      charter,
      level: 1,
      kind: "renew",
      reasons: { fr: "Renouvellement annuel : tous les contrôles ont réussi.", en: "Yearly renewal: every check passed." },
      deciders: [AUTOMATIC],
    });
  return [];
}

/** What checks took away, checks give back; what people decided, people end. */
async function reinstateWhereAutomatic(w: Writer, ports: ConcludingPorts, { participant, application }: Looked): Promise<Ring[]> {
  if ((await barrierTo(w, participant, { kind: "reinstate", application, byChecks: true })) !== null) return [];
  const last = await w.accreditations.lastDecision(participant.id, ["suspend"]);
  if (!last?.deciders.every((decider) => decider.role === "automatic")) return [];
  const reasons = { fr: "Tous les contrôles réussissent de nouveau.", en: "Every check passes again." };
  return (await applyReinstatement(w, ports, { participantId: participant.id, deciders: [AUTOMATIC], reasons })).rings;
}

/** Asks for a look, unless one waits already. */
export async function askForLook(
  w: Writer,
  { participantId, application, at }: { participantId: Participant["id"]; application: Application | null; at: Date },
): Promise<boolean> {
  return w.cases.addRun({
    id: newId("probeRun"),
    participantId,
    applicationId: application?.id ?? null,
    round: application?.round ?? null,
    askedAt: at,
  });
}
