import { RelaisError } from "../errors.ts";
import { newId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import { questionsOf } from "./answer-questions.ts";
import type { Application, Evidence } from "./application.ts";
import type { Charter, Charters } from "./charter.ts";
import { isWithin } from "./evaluate-criterion.ts";
import type { Participant } from "./participant.ts";
import type { RegisterCaller } from "./register-caller.ts";

type ApplyingPorts = Pick<Ports, "store" | "clock"> & { charters: Charters };

/**
 * Opens an application under the present version of the charter. Answers and evidence of the last one are taken over: nothing is asked twice. An
 * accreditation that stands goes on standing meanwhile. Where one is open already, it is that one.
 * @throws RelaisError `conflict` where the participant was revoked (reopening is asked for in the messages of the last application).
 */
export async function openApplication(ports: ApplyingPorts, caller: RegisterCaller, level: 1 | 2): Promise<Application> {
  if (caller.kind !== "participant")
    throw new RelaisError("forbidden", "Only a participant applies for itself. Sign in with its key, or as somebody who acts for it.");
  return ports.store.write(async (w) => {
    const participant = await w.register.lock(caller.participantId);
    const open = await w.accreditations.findOpen(participant.id);
    if (open) return open;
    if (participant.status === "revoked")
      throw new RelaisError("conflict", "This participant was revoked. Contest the decision in the messages of its last application.", {
        actor: "platform",
      });
    return draft(w, ports, participant, level);
  });
}

/**
 * The application by which an accreditation is renewed, of the same level, for the participant to look through and submit. Null where the
 * participant may not apply now, or another application is open already and will do.
 */
export async function prepareRenewal(w: Writer, ports: Omit<ApplyingPorts, "store">, given: Application): Promise<Application | null> {
  const participant = await w.register.lock(given.participantId);
  const open = await w.accreditations.findOpen(participant.id);
  if (open) return open;
  return participant.status === "revoked" ? null : draft(w, ports, participant, given.level);
}

async function draft(
  w: Writer,
  { clock, charters }: Omit<ApplyingPorts, "store">,
  participant: Participant,
  level: 1 | 2,
): Promise<Application> {
  const now = clock.now();
  const charter = charters.current(now);
  const organisation = await w.accreditations.findOrganisationOf(participant.id);
  if (organisation === null)
    throw new RelaisError("conflict", "Register the participant with its organisation first.", { actor: "platform" });
  const [last] = await w.accreditations.applicationsOf(participant.id);
  const application: Application = {
    id: newId("application"),
    participantId: participant.id,
    organisationId: organisation.id,
    charterVersion: charter.version,
    level,
    state: "draft",
    answers: last ? answersTo(charter, last) : {},
    submittedAnswers: null,
    round: 0,
    createdAt: now,
    submittedAt: null,
    changedAt: now,
    until: null,
  };
  await w.cases.addApplication(application);
  const kept = last ? stillGood(charter, await w.accreditations.evidenceOf(last.id), now) : [];
  await w.cases.copyEvidence(kept.map(({ id }) => ({ of: id, id: newId("evidence"), applicationId: application.id })));
  return application;
}

/** What was answered and is still asked. */
function answersTo(charter: Charter, { answers }: Application): Application["answers"] {
  const asked = questionsOf(charter);
  return Object.fromEntries(Object.entries(answers).filter(([name]) => asked.has(name)));
}

/** The newest of each kind, where it is asked for and not too old. */
function stillGood(charter: Charter, evidence: Evidence[], now: Date): Evidence[] {
  const newest = new Map(evidence.toSorted((a, b) => (a.date < b.date ? -1 : 1)).map((one) => [one.kind, one]));
  const wanted = charter.criteria.flatMap((criterion) => criterion.evidence ?? []);
  return [...newest.values()].filter(({ kind, date }) =>
    wanted.some((one) => one.kind === kind && (one.maxAgeDays === null || isWithin(date, one.maxAgeDays, now))),
  );
}
