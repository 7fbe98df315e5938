import { RelaisError } from "../errors.ts";
import { newId, type JourneyId, type LinkId, type PersonId } from "../ids.ts";
import type { Ports, Reader } from "../ports.ts";
import type { Consent } from "./consent.ts";
import type { Journey } from "./journey.ts";
import { addConsentRequest, type ConsentRequest } from "./request-consent.ts";

const DAYS_TO_ANSWER = 7;
/** As many as a person can answer with care. */
export const MOST_SOURCES = 10;

export type JourneyRequest = Omit<ConsentRequest, "sourceLinkId" | "switchId" | "journeyId" | "requester" | "datasets" | "action"> & {
  sourceLinkIds: LinkId[];
};

/**
 * Makes one question for each source, all of them or none.
 * @throws RelaisError `invalid` (fewer than two sources, too many, or one twice), and whatever a single request may throw.
 */
export async function startJourney(
  ports: Pick<Ports, "store" | "clock" | "policy">,
  { sourceLinkIds, ...request }: JourneyRequest,
): Promise<Journey> {
  const now = ports.clock.now();
  if (sourceLinkIds.length < 2 || sourceLinkIds.length > MOST_SOURCES || new Set(sourceLinkIds).size < sourceLinkIds.length)
    throw new RelaisError("invalid", `Choose two to ${MOST_SOURCES} organisations, each of them once.`, { actor: "person" });
  const journey: Journey = {
    id: newId("journey"),
    personId: request.personId,
    destinationLinkId: request.destinationLinkId,
    createdAt: now,
    expiresAt: new Date(now.getTime() + DAYS_TO_ANSWER * 86_400_000),
  };
  return ports.store.write(async (w) => {
    await w.routes.add(journey);
    // One after the other: what was chosen first is asked first.
    for (const [place, sourceLinkId] of sourceLinkIds.entries()) {
      const asked = { ...request, sourceLinkId, action: "copy", datasets: [], requester: null, journeyId: journey.id } as const;
      await addConsentRequest(w, { ...asked, datasets: [] }, { policy: ports.policy, now: new Date(now.getTime() + place) });
    }
    return journey;
  });
}

/** The person's own journey with its questions; another person's does not exist for them. */
export async function ownJourney(r: Reader, id: JourneyId, personId: PersonId): Promise<{ journey: Journey; consents: Consent[] }> {
  const journey = await r.journeys.get(id);
  if (journey.personId !== personId) throw new RelaisError("not_found", "There is no journey with this id.");
  return { journey, consents: await r.journeys.consents(id) };
}

/** @throws RelaisError `consent_ended` where its time is over: what was answered before stays. */
export async function mustBeOpen(r: Reader, { journeyId }: Pick<Consent, "journeyId">, now: Date): Promise<void> {
  if (journeyId === null || (await r.journeys.get(journeyId)).expiresAt > now) return;
  throw new RelaisError("consent_ended", "The time to answer is over. Choose the organisations again; nothing was sent.", {
    actor: "person",
  });
}
