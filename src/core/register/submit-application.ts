import { RelaisError } from "../errors.ts";
import { newId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { EDITABLE, type Application, type ApplicationId } from "./application.ts";
import { diffCharters } from "./charter-diff.ts";
import { takesNew, type Charter, type Charters } from "./charter.ts";
import { readFacts } from "./facts.ts";
import { lockEditable, lockOwn } from "./own-application.ts";
import { APPEAL, recordDecision } from "./record-decision.ts";
import type { RegisterCaller } from "./register-caller.ts";
import { requirementsOf } from "./requirements.ts";

type CasePorts = Pick<Ports, "store" | "clock"> & { charters: Charters };

/**
 * Hands an application in: nothing may be missing that only the applicant can give. Checks are asked for in the same transaction. An
 * application that was opened under a version of the charter which takes no new ones any more moves to the present one first.
 * @throws RelaisError `conflict` naming what is still due, and the version where it changed.
 */
export async function submitApplication(ports: CasePorts, caller: RegisterCaller, id: ApplicationId): Promise<Application> {
  const now = ports.clock.now();
  const present = ports.charters.current(now);
  const outcome = await ports.store.write(async (w): Promise<Application | { moved: Charter }> => {
    const participant = await w.register.lock((await w.accreditations.getApplication(id)).participantId);
    const application = await lockEditable(w, caller, id);
    const charter = ports.charters.get(application.charterVersion);
    if (!takesNew(charter, now) && present.version !== charter.version) {
      await w.cases.moveApplication(id, [application.state], application.state, { changedAt: now, charterVersion: present.version });
      return { moved: charter };
    }
    const facts = await readFacts(w, participant, application, charter);
    const due = requirementsOf({ application, participant, charter, facts, results: [], now }).currentlyDue;
    if (due.length > 0) throw stillDue(due.map((one) => one.criterion));
    const round = application.round + 1;
    const submitted = { submittedAnswers: application.answers, round, submittedAt: now, changedAt: now };
    await w.cases.moveApplication(id, EDITABLE, "submitted", submitted);
    await w.cases.addRun({ id: newId("probeRun"), participantId: participant.id, applicationId: id, round, askedAt: now });
    return { ...application, ...submitted, state: "submitted" };
  });
  if ("moved" in outcome) throw movedOn(outcome.moved, present);
  return outcome;
}

function movedOn(from: Charter, to: Charter): RelaisError {
  const { added, changed, removed } = diffCharters(from, to);
  const list = (word: string, ids: string[]): string[] => (ids.length === 0 ? [] : [`${word}: ${ids.join(", ")}`]);
  const differences = [
    ...list(
      "new",
      added.map(({ id }) => id),
    ),
    ...list(
      "changed",
      changed.map(({ criterion }) => criterion.id),
    ),
    ...list(
      "taken out",
      removed.map(({ id }) => id),
    ),
  ];
  return new RelaisError(
    "conflict",
    `Version ${to.version} of the charter is in force now, instead of ${from.version} (${differences.join("; ") || "the same criteria"}). Your answers and evidence were kept: answer what is new, sign it and submit again.`,
    { actor: "platform" },
  );
}

function stillDue(criteria: string[]): RelaisError {
  const named = [...new Set(criteria)];
  return new RelaisError(
    "conflict",
    `The application is not complete. Still due: ${named.slice(0, 10).join(", ")}${named.length > 10 ? ` and ${named.length - 10} more` : ""}. Its requirements say what each of them needs.`,
    { actor: "platform" },
  );
}

/** The applicant takes it back. An accreditation that it gave ends with it only by `endStanding`. */
export async function withdrawApplication(ports: CasePorts, caller: RegisterCaller, id: ApplicationId): Promise<Application> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    const application = await lockOwn(w, caller, id);
    const open = ["draft", "submitted", "checking", "in_review", "changes_requested", "reopened"] as const;
    if (!(await w.cases.moveApplication(id, open, "withdrawn", { changedAt: now })))
      throw new RelaisError("conflict", `The application is ${application.state}: there is nothing to withdraw.`, { actor: "platform" });
    return { ...application, state: "withdrawn", changedAt: now };
  });
}

/** An application that ended may be taken up again; one that was refused or revoked only by an appeal, which accreditors uphold. */
export async function reopenApplication(ports: CasePorts, caller: RegisterCaller, id: ApplicationId): Promise<Application> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    await w.register.lock((await w.accreditations.getApplication(id)).participantId);
    const application = await lockOwn(w, caller, id);
    if ((await w.accreditations.findOpen(application.participantId)) !== null)
      throw new RelaisError("conflict", "Another application of this participant is open. Go on with that one.", { actor: "platform" });
    const participant = await w.participants.get(application.participantId);
    if (participant.status === "revoked")
      throw new RelaisError("conflict", `${participant.name} is revoked. ${APPEAL.en}`, { actor: "platform" });
    const { version, digest } = ports.charters.current(now);
    if (!(await w.cases.moveApplication(id, ["withdrawn", "expired"], "reopened", { changedAt: now, charterVersion: version })))
      throw new RelaisError("conflict", `The application is ${application.state}. ${APPEAL.en}`, { actor: "platform" });
    await recordDecision(w, {
      participant,
      application,
      charter: { version, digest },
      kind: "reopen",
      level: application.level,
      reasons: { fr: "Demande du participant.", en: "Asked for by the participant." },
      deciders: [{ name: "participant", role: "participant" }],
      at: now,
    });
    return { ...application, state: "reopened", charterVersion: version, changedAt: now };
  });
}
