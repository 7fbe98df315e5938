import { RelaisError } from "../errors.ts";
import { newId, type ConsentId, type ParticipantId, type PersonId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import type { Consent } from "./consent.ts";
import { ownConsent } from "./decide-consent.ts";
import { ADDRESSEES, LONGEST_MESSAGE, PROBLEM_KINDS, type ProblemReport } from "./problem-report.ts";

/** How many reports about one permission may wait at a time. */
const MOST_OPEN = 5;

/**
 * Keeps what a person says is wrong with their permission: for the participant that it is addressed to, which learns nothing of the person that it
 * does not have, and for the operator. Both are mailed that something waits for them, where Relais sends mail.
 * @throws RelaisError `invalid`, `not_found` (another person's), `rate_limited` (several wait for an answer).
 */
export async function reportProblem(
  ports: Pick<Ports, "store" | "clock"> & { sendsMail: boolean },
  said: { consentId: ConsentId; personId: PersonId; kind: string; addressee: string; message: string },
): Promise<ProblemReport> {
  const kind = PROBLEM_KINDS.find((one) => one === said.kind);
  const addressee = ADDRESSEES.find((one) => one === said.addressee);
  if (!kind || !addressee || said.message.length > LONGEST_MESSAGE)
    throw new RelaisError("invalid", `Choose what is wrong and who should mend it; a message has at most ${LONGEST_MESSAGE} characters.`, {
      actor: "person",
    });
  return ports.store.write(async (w) => {
    const consent = await ownConsent(w, said.consentId, said.personId);
    const open = (await w.problems.of(consent.id)).filter(({ answeredAt }) => answeredAt === null);
    if (open.length >= MOST_OPEN)
      throw new RelaisError("rate_limited", "Several reports about this permission wait for an answer. They are read in their order.", {
        actor: "operator",
      });
    const report = { id: newId("problem"), consentId: consent.id, kind, addressee, message: said.message, createdAt: ports.clock.now() };
    const waiting: ProblemReport = { ...report, answer: null, answeredAt: null, answeredBy: null };
    await w.complaints.add(waiting);
    if (ports.sendsMail) for (const office of [null, addressed(waiting, consent)]) await w.offices.tell(office);
    return waiting;
  });
}

/** The participant that a report is for; null: the operator alone. */
function addressed({ addressee }: ProblemReport, { sourceId, destinationId }: Consent): ParticipantId | null {
  return addressee === "source" ? sourceId : addressee === "destination" ? destinationId : null;
}

/** Who answers: the operator's office, or the participant that the report is for. */
export type Answerer = { kind: "operator"; name: string } | { kind: "participant"; participantId: ParticipantId; name: string };

/** @throws RelaisError `not_found` (for somebody else), `invalid` (no answer), `conflict` (answered before). */
export async function answerProblem(
  ports: Pick<Ports, "store" | "clock">,
  by: Answerer,
  given: { id: ProblemReport["id"]; answer: string },
): Promise<void> {
  const answer = given.answer.trim();
  if (answer === "" || answer.length > LONGEST_MESSAGE)
    throw new RelaisError("invalid", `Write an answer of at most ${LONGEST_MESSAGE} characters.`, { actor: "client" });
  await ports.store.write(async (w) => {
    const report = await w.problems.get(given.id);
    const consent = await w.consents.get(report.consentId);
    if (by.kind === "participant" && addressed(report, consent) !== by.participantId)
      throw new RelaisError("not_found", "There is no problem with this id.");
    if (!(await w.complaints.answer(report.id, { answer, answeredAt: ports.clock.now(), answeredBy: by.name })))
      throw new RelaisError("conflict", "This report was answered before.", { actor: "client" });
  });
}
