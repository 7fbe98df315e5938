import type { Actor } from "../errors.ts";
import type { ConsentId, ParticipantId, PersonId } from "../ids.ts";
import type { Consent, ConsentEnds, ConsentPlace, ConsentState, EndedConsents, EndReason, NewConsent } from "./consent.ts";
import type { Terms } from "./terms.ts";

/** What people are asked for, allow and ended. */
export interface ConsentsReader {
  get(id: ConsentId): Promise<Consent>;
  find(id: ConsentId): Promise<Consent | null>;
  list(personId: PersonId): Promise<Consent[]>;
  /** What the person is asked for and what they allow at this moment (`stateAt`), newest first. */
  open(personId: PersonId, now: Date): Promise<Consent[]>;
  /** The rest, newest first, without changes that another one replaced before they were answered; `after` continues behind one. */
  ended(page: EndedConsents): Promise<Consent[]>;
  /** Between whom the person was ever asked: each pair once, named as in their newest notice. */
  ends(personId: PersonId): Promise<ConsentEnds[]>;
  /** What ended since then because a participant changed what it was given for, and was not read; the last one first. */
  unreadEnds(personId: PersonId, since: Date): Promise<Consent[]>;
  /** What changes or renews this one, answered or not, newest first. */
  successors(id: ConsentId): Promise<Consent[]>;
  /** What one of the status lists of consents says of each that is not valid now; null where no consent has a place in it. */
  statuses(list: number, now: Date): Promise<{ index: number; status: number }[] | null>;
  /** Newest first: what this participant asked for, and what was given between it and another one. */
  ofParticipant(page: { participantId: ParticipantId; after: ConsentPlace | undefined; limit: number }): Promise<Consent[]>;
}

/** Every change of a state leaves its row in `changes` (core/consent/record-change.ts). */
export interface PermissionsWriter {
  /** With its place in the status lists. */
  add(consent: NewConsent): Promise<Consent>;
  /** Moves from one of `from`; false where the consent was in another state (nothing changed). */
  move(
    id: ConsentId,
    from: ConsentState[],
    to: ConsentState,
    change: Partial<Pick<Consent, "datasets" | "forms" | "decidedAt" | "endedAt" | "endedBy" | "language" | "acts">>,
  ): Promise<boolean>;
  /** Whoever asks this person for a consent in a transaction of its own waits here until this one is over: the same is not asked twice at once. */
  askAlone(personId: PersonId): Promise<void>;
  /**
   * Writes down the grant that the requester gets for an active consent. True as often as it is the same grant; false where the consent has
   * another one already, or is not active.
   */
  handOver(id: ConsentId, grantId: string): Promise<boolean>;
  /** Ends every consent that brings data to this participant (and, with `asSource`, reads from it). Returns how many. */
  revokeAll(end: { participantId: ParticipantId; asSource: boolean; at: Date; by: Consent["endedBy"] }): Promise<number>;
  /**
   * Ends every consent that brings data to this destination and was given for less than these terms; a request that waits expires. Returns how
   * many ended.
   */
  revokeOutside(end: { destinationId: ParticipantId; terms: Terms; because: EndReason; at: Date; by: Actor }): Promise<number>;
  /** False where this person has no consent that a participant's change ended. */
  readEnd(personId: PersonId, id: ConsentId, at: Date): Promise<boolean>;
  /** Consents whose time is over, and requests that nobody answered in time. */
  expire(now: Date): Promise<ConsentId[]>;
}
