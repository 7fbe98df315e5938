import type { Policy } from "../policy/policy.ts";
import type { Ports, Reader, Writer } from "../ports.ts";
import { stateAt, type Consent, type ConsentState, type NewConsent } from "./consent.ts";
import { newConsent, type ConsentRequest } from "./request-consent.ts";

interface Terms {
  policy: Policy;
  now: Date;
}

/**
 * What a participant asks a person by the authorization endpoint. Where the same was asked before, and the way there was lost (an hour passed, the
 * browser was closed), the consent of that time is taken up again: one that still waits, or one that was given and that nobody was handed a grant
 * for. Anything else is asked anew: a consent is never the ground of a second grant.
 * @throws RelaisError what `requestConsent` throws: what may not be asked today is not taken up either.
 */
export function takeUpOrAsk(ports: Pick<Ports, "store" | "clock" | "policy">, request: ConsentRequest): Promise<Consent> {
  return ports.store.write((w) => askOrTakeUp(w, request, { policy: ports.policy, now: ports.clock.now() }));
}

/** The writing step, for use cases that write more in the same transaction. */
export async function askOrTakeUp(w: Writer, request: ConsentRequest, terms: Terms): Promise<Consent> {
  if (request.requester !== null) await w.permissions.askAlone(request.personId);
  const asked = await newConsent(w, request, terms);
  return (await askedBefore(w, asked, terms.now)) ?? w.permissions.add(asked);
}

const LIVE: readonly ConsentState[] = ["requested", "active", "suspended"];

async function askedBefore(r: Reader, asked: NewConsent, now: Date): Promise<Consent | null> {
  const before = (await r.consents.list(asked.personId)).filter((one) => isSame(one, asked));
  return before.find((one) => one.grantDigest === null && LIVE.includes(stateAt(one, now))) ?? null;
}

/**
 * The notice is everything that was asked, who asked and how it was worded; beside it count the accounts that it was asked for. What a person
 * began at Relais, alone or as a step of a switch, is theirs and answers no participant.
 */
function isSame(one: Consent, asked: NewConsent): boolean {
  return (
    asked.requesterId !== null &&
    one.requesterId === asked.requesterId &&
    one.noticeHash === asked.noticeHash &&
    one.sourceLinkId === asked.sourceLinkId &&
    one.destinationLinkId === asked.destinationLinkId &&
    one.supersedes === asked.supersedes
  );
}
