import { RelaisError } from "../errors.ts";
import type { Reader } from "../ports.ts";
import type { Participant } from "../register/participant.ts";
import { mayHappen, readingFrom, type Act } from "../register/standing.ts";
import type { Consent } from "./consent.ts";

export interface Standing {
  consent: Consent;
  source: Participant;
  destination: Participant;
}

/**
 * The right to move data now: the consent is active and both ends are accredited. Read again before each data movement.
 * @throws RelaisError `consent_ended`, `not_accredited`.
 */
export async function checkStanding(r: Reader, consent: Consent, now: Date): Promise<Standing> {
  if (consent.state !== "active" || consent.expiresAt <= now) throw consentEnded(consent, now);
  const [source, destination] = await Promise.all([r.participants.get(consent.sourceId), r.participants.get(consent.destinationId)]);
  await mustBeAllowed(r, source, readingFrom(source), now);
  await mustBeAllowed(r, destination, "delivery_in", now);
  return { consent, source, destination };
}

/** @throws RelaisError `not_accredited` where its standing forbids this. */
export async function mustBeAllowed(r: Reader, participant: Participant, act: Act, now: Date): Promise<void> {
  const mark = await r.participants.findMark(participant.id);
  if (!mayHappen(participant, mark, act, now)) throw notAccredited(participant.name);
}

export function notAccredited(name: string): RelaisError {
  return new RelaisError(
    "not_accredited",
    `${name} has no accreditation in force. It can renew it in the register; until then nothing is sent to it or read from it.`,
  );
}

function consentEnded(consent: Consent, now: Date): RelaisError {
  const state = consent.state === "active" && consent.expiresAt <= now ? "expired" : consent.state;
  return new RelaisError("consent_ended", `The permission is ${state}. The person can give a new one.`, { details: { state } });
}
