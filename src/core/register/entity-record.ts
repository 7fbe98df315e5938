import type { ParticipantId } from "../ids.ts";
import type { PublicJwk } from "./participant.ts";
import type { Candidate } from "./participant-change.ts";

/** How reading a participant's own configuration went: one of these each time, and nothing half-done. */
export type EntityOutcome =
  /** It was never read since there are these records, or somebody reads it now. */
  | "waiting"
  | "accepted"
  /** No answer, or too slow. It is tried again. */
  | "unreachable"
  /** An answer that is no configuration of this entity: wrong signature, too large, a redirect, a private address, broken metadata. */
  | "refused"
  /** Well signed, by a key that the register does not know: the last good one stays until somebody confirms the new keys. */
  | "keys_unconfirmed";

export interface EntityRecord {
  participantId: ParticipantId;
  /** The last accepted one; null where there is none yet. */
  jwt: string | null;
  issuedAt: Date | null;
  expiresAt: Date | null;
  checkedAt: Date | null;
  nextAt: Date;
  /** In a row. */
  failures: number;
  outcome: EntityOutcome;
  says: string | null;
  /** What waits for a look; null where everything that is published counts. */
  candidate: Candidate | null;
  /** What it signs with now, where nobody confirmed it. */
  strangeKeys: PublicJwk[] | null;
}

/** Keys that one accreditor confirmed, by their thumbprints, until a second one confirms the same. */
export interface KeyConfirmation {
  participantId: ParticipantId;
  thumbprints: string[];
  confirmer: string;
  at: Date;
}

export interface EntitiesReader {
  find(participantId: ParticipantId): Promise<EntityRecord | null>;
  findConfirmation(participantId: ParticipantId): Promise<KeyConfirmation | null>;
  /** Whose keys or addresses wait for somebody, the longest first. */
  inQuestion(limit: number): Promise<{ participantId: ParticipantId; name: string; what: "keys" | "change"; since: Date }[]>;
}

export interface EntitiesWriter {
  /** Participants whose configuration is due, the longest due first; each for one caller until `until`. */
  claimDue(claim: { now: Date; until: Date; limit: number }): Promise<ParticipantId[]>;
  put(record: EntityRecord): Promise<void>;
  /** Replaces the one before. */
  putConfirmation(confirmation: KeyConfirmation): Promise<void>;
  dropConfirmation(participantId: ParticipantId): Promise<void>;
}
