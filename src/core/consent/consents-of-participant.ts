import { RelaisError } from "../errors.ts";
import type { ConsentId, ParticipantId } from "../ids.ts";
import type { Standings } from "./standings.ts";
import type { Ports } from "../ports.ts";
import type { Consent } from "./consent.ts";
import { pageOf, placeOf } from "./consent-place.ts";

/** What this participant is to a consent. */
export type Part = "requester" | "source" | "destination";

/** A consent as one of its participants may see it. It says nothing of the person: how they are called is another matter. */
export interface SharedConsent {
  consent: Consent;
  parts: Part[];
  source: string;
  destination: string;
}

export interface ConsentsPage {
  consents: SharedConsent[];
  next: string | null;
}

/**
 * Whoever asked sees each of its requests; source and destination see what was given, and nothing of what was only asked or refused.
 * @throws RelaisError `invalid` for a cursor that is none.
 */
export function listConsentsOf(
  { store }: Pick<Ports, "store">,
  { participantId, cursor, limit }: { participantId: ParticipantId; cursor?: string | undefined; limit: number },
): Promise<ConsentsPage> {
  const after = cursor === undefined ? undefined : placeOf(cursor);
  return store.read(async (r) => {
    const found = await r.consents.ofParticipant({ participantId, after, limit: limit + 1 });
    const { shown, next } = pageOf(found, limit);
    return { consents: shown.map((consent) => sharedWith(consent, participantId)), next };
  });
}

/** @throws RelaisError `not_found` for whoever has no part in it. */
export async function consentOf(
  standings: Pick<Standings, "findConsent">,
  participantId: ParticipantId,
  id: ConsentId,
): Promise<SharedConsent> {
  const consent = await standings.findConsent(id);
  if (consent === null) throw new RelaisError("not_found", "There is no consent with this id.");
  const shared = sharedWith(consent, participantId);
  const isSeen = shared.parts.includes("requester") || (shared.parts.length > 0 && consent.datasets.length > 0);
  if (!isSeen) throw new RelaisError("not_found", "There is no consent with this id.");
  return shared;
}

function sharedWith(consent: Consent, id: ParticipantId): SharedConsent {
  const { requesterId, sourceId, destinationId, notice } = consent;
  const ends: [Part, ParticipantId | null][] = [
    ["requester", requesterId],
    ["source", sourceId],
    ["destination", destinationId],
  ];
  const parts = ends.filter(([, end]) => end === id).map(([part]) => part);
  return { consent, parts, source: notice.source.entityId, destination: notice.destination.entityId };
}
