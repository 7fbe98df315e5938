import { RelaisError } from "../errors.ts";
import type { StandingReader } from "./standings.ts";
import { areConditionsDue, conditionUnmet, endOf, refusedByConditions } from "../policy/decide.ts";
import type { End } from "../policy/facts.ts";
import type { Policy } from "../policy/policy.ts";
import type { Participant } from "../register/participant.ts";
import { mayHappen, readingFrom, type Act } from "../register/standing.ts";
import { leastAssurance, mustBeSure } from "./assured.ts";
import type { Consent } from "./consent.ts";
import { isWithin, termsOf } from "./terms.ts";

export interface Standing {
  consent: Consent;
  source: Participant;
  destination: Participant;
}

/**
 * The right to move data now: the consent is active, and given for what its destination publishes today; both ends are accredited, and the holder's own conditions are met for every data set of
 * the consent. Read again before each data movement.
 * @throws RelaisError `consent_ended`, `not_accredited`, `condition_unmet`, `assurance_too_low`.
 */
export async function checkStanding(
  r: StandingReader,
  consent: Consent,
  { policy, now }: { policy: Policy; now: Date },
): Promise<Standing> {
  if (consent.state !== "active" || consent.expiresAt <= now) throw consentEnded(consent, now);
  const [source, destination] = await Promise.all([r.participants.get(consent.sourceId), r.participants.get(consent.destinationId)]);
  if (leastAssurance(source, consent.datasets) !== "low")
    mustBeSure(source, await r.people.getLink(consent.sourceLinkId), consent.datasets);
  if (!isWithin(termsOf(destination.about), consent.notice)) throw termsChanged(destination.name);
  const ends = { holder: await endOf(r, source), platform: await endOf(r, destination) };
  const isProposal = consent.action === "propose";
  mustBeAllowed(ends.holder, isProposal ? "proposal" : readingFrom(source), now);
  mustBeAllowed(ends.platform, isProposal ? "proposal" : "delivery_in", now);
  if (consent.action === "copy" && areConditionsDue(source, consent.switchId !== null)) {
    const refused = await refusedByConditions(r, policy, ends, { ...consent, now });
    if (refused.length > 0) throw conditionUnmet(ends, refused);
  }
  return { consent, source, destination };
}

/** @throws RelaisError `not_accredited` where its standing forbids this. */
export function mustBeAllowed({ participant, mark }: End, act: Act, now: Date): void {
  if (!mayHappen(participant, mark, act, now)) throw notAccredited(participant.name);
}

export function notAccredited(name: string): RelaisError {
  return new RelaisError(
    "not_accredited",
    `${name} has no accreditation in force. It can renew it in the register; until then nothing is sent to it or read from it.`,
  );
}

/** Written down in the row too, in the transaction of the change (core/consent/void-consents.ts). */
function termsChanged(name: string): RelaisError {
  return new RelaisError("consent_ended", `${name} changed what the permission was given for. The person can give a new one.`, {
    details: { state: "revoked" },
  });
}

function consentEnded(consent: Consent, now: Date): RelaisError {
  const state = consent.state === "active" && consent.expiresAt <= now ? "expired" : consent.state;
  return new RelaisError("consent_ended", `The permission is ${state}. The person can give a new one.`, { details: { state } });
}
