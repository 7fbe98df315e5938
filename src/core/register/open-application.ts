import { RelaisError } from "../errors.ts";
import { newId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import type { Application } from "./application.ts";
import type { Charters } from "./charter.ts";
import type { RegisterCaller } from "./register-caller.ts";

type ApplyingPorts = Pick<Ports, "store" | "clock"> & { charters: Charters };

/**
 * Opens an application under the present version of the charter. Answers of the last one are taken over: nothing is asked twice. An
 * accreditation that stands goes on standing meanwhile. Where one is open already, it is that one.
 * @throws RelaisError `conflict` where the participant was revoked (reopening is asked for in the messages of the last application).
 */
export async function openApplication(ports: ApplyingPorts, caller: RegisterCaller, level: 1 | 2): Promise<Application> {
  if (caller.kind !== "participant")
    throw new RelaisError("forbidden", "Only a participant applies for itself. Sign in with its key, or as somebody who acts for it.");
  const now = ports.clock.now();
  const { version } = ports.charters.current(now);
  return ports.store.write(async (w) => {
    const participant = await w.register.lock(caller.participantId);
    const open = await w.accreditations.findOpen(participant.id);
    if (open) return open;
    if (participant.status === "revoked")
      throw new RelaisError("conflict", "This participant was revoked. Contest the decision in the messages of its last application.", {
        actor: "platform",
      });
    const organisation = await w.accreditations.findOrganisationOf(participant.id);
    if (organisation === null)
      throw new RelaisError("conflict", "Register the participant with its organisation first.", { actor: "platform" });
    const application: Application = {
      id: newId("application"),
      participantId: participant.id,
      organisationId: organisation.id,
      charterVersion: version,
      level,
      state: "draft",
      answers: await knownAnswers(w, participant.id),
      submittedAnswers: null,
      round: 0,
      createdAt: now,
      submittedAt: null,
      changedAt: now,
      until: null,
    };
    await w.cases.addApplication(application);
    return application;
  });
}

async function knownAnswers(w: Writer, participantId: Application["participantId"]): Promise<Application["answers"]> {
  const [last] = await w.accreditations.applicationsOf(participantId);
  return last?.answers ?? {};
}
