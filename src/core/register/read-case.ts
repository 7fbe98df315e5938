import type { Reader } from "../ports.ts";
import type { Application, ApplicationId, Evidence } from "./application.ts";
import type { Charter, Charters } from "./charter.ts";
import { readFacts } from "./facts.ts";
import type { Participant } from "./participant.ts";
import { mayRead, type RegisterCaller } from "./register-caller.ts";
import type { Reminder } from "./reminder.ts";
import { requirementsOf, type Requirements } from "./requirements.ts";

/** An application with everything that is known of it now. */
export interface CaseFile {
  application: Application;
  participant: Participant;
  charter: Charter;
  requirements: Requirements;
  /** What the participant was reminded of and that still holds, newest first. */
  reminders: Reminder[];
  evidence: Evidence[];
  signed: boolean;
  /** Names of answers that differ from the last submission. */
  changedAnswers: string[];
}

/** @throws RelaisError `not_found` where it is not the caller's to read. */
export async function readCase(r: Reader, charters: Charters, caller: RegisterCaller, id: ApplicationId, now: Date): Promise<CaseFile> {
  const application = await r.accreditations.getApplication(id);
  mayRead(caller, application.participantId);
  const participant = await r.participants.get(application.participantId);
  const charter = charters.get(application.charterVersion);
  const facts = await readFacts(r, participant, application, charter);
  const results = await r.accreditations.results(id, application.round);
  return {
    application,
    participant,
    charter,
    requirements: requirementsOf({ application, participant, charter, facts, results, now }),
    reminders: await r.reminders.of(application.participantId),
    evidence: await r.accreditations.evidenceOf(id),
    signed: facts.answers["charter.signed"] === true,
    changedAnswers: changedSince(application),
  };
}

function changedSince({ answers, submittedAnswers }: Application): string[] {
  if (submittedAnswers === null) return [];
  const names = new Set([...Object.keys(answers), ...Object.keys(submittedAnswers)]);
  return [...names].filter((name) => JSON.stringify(answers[name]) !== JSON.stringify(submittedAnswers[name])).sort();
}
