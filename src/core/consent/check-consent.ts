import { RelaisError } from "../errors.ts";
import type { Reader } from "../ports.ts";
import { isAccredited, type Participant } from "../register/participant.ts";
import type { Consent } from "./consent.ts";
import { notAccredited } from "./request-consent.ts";

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
  for (const participant of [source, destination]) {
    if (!isAccredited(participant, await r.participants.findMark(participant.id), now)) throw notAccredited(participant.name);
  }
  return { consent, source, destination };
}

function consentEnded(consent: Consent, now: Date): RelaisError {
  const state = consent.state === "active" && consent.expiresAt <= now ? "expired" : consent.state;
  return new RelaisError("consent_ended", `The permission is ${state}. The person can give a new one.`, { details: { state } });
}
