import { RelaisError } from "../errors.ts";
import { isId, type ConsentId, type ParticipantId } from "../ids.ts";
import type { Ports, Standings } from "../ports.ts";
import type { Consent, ConsentPlace } from "./consent.ts";

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
    const shown = found.slice(0, limit);
    const last = shown.at(-1);
    return {
      consents: shown.map((consent) => sharedWith(consent, participantId)),
      next: found.length > limit && last ? cursorOf(last) : null,
    };
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

function cursorOf({ createdAt, id }: ConsentPlace): string {
  return Buffer.from(JSON.stringify([createdAt.getTime(), id])).toString("base64url");
}

function placeOf(cursor: string): ConsentPlace {
  try {
    const [at, id] = JSON.parse(Buffer.from(cursor, "base64url").toString()) as unknown[];
    if (Number.isSafeInteger(at) && Math.abs(at as number) < 8.64e15 && isId("consent", id))
      return { createdAt: new Date(at as number), id };
  } catch {
    // Refused below.
  }
  throw new RelaisError("invalid", "This cursor is not one that was given here. Begin with the first page.", { pointers: ["/cursor"] });
}
