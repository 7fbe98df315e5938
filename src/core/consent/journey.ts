import type { JourneyId, LinkId, PersonId } from "../ids.ts";
import type { Consent } from "./consent.ts";

/** Several sources chosen at once for one destination. It holds the questions together, never the answers: each consent is given, refused and stopped alone. */
export interface Journey {
  id: JourneyId;
  personId: PersonId;
  destinationLinkId: LinkId;
  createdAt: Date;
  /** Until then the questions may be answered. */
  expiresAt: Date;
}

export interface JourneysReader {
  get(id: JourneyId): Promise<Journey>;
  /** Its consents, in the order in which they were chosen. */
  consents(id: JourneyId): Promise<Consent[]>;
  /** Newest first. */
  list(personId: PersonId): Promise<Journey[]>;
}

export interface JourneysWriter {
  add(journey: Journey): Promise<void>;
}
