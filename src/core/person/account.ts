import type { LinkId, ParticipantId, PasskeyId, PersonId, SessionId } from "../ids.ts";
import type { Office } from "../register/staff.ts";
import type { Passkey } from "./passkey.ts";
import type { Session } from "./person.ts";

/** Somebody with an office read something that names this person. */
export interface PersonAccess {
  personId: PersonId;
  /** Published name of the office. */
  viewer: string;
  office: Office;
  /** The page or call, without what identifies anybody but by our ids. */
  what: string;
  participantId: ParticipantId | null;
  at: Date;
}

/** One row of what Relais holds on a person, as it lies in the database. */
export interface PersonRow {
  table: string;
  row: Record<string, unknown>;
}

/** What a person sees of their own account. */
export interface AccountReader {
  /** Their own, oldest first. */
  passkeys(personId: PersonId): Promise<Passkey[]>;
  findPasskey(credentialId: string): Promise<Passkey | null>;
  /** Those that are open, the last used first. */
  sessions(personId: PersonId, now: Date): Promise<Session[]>;
  /** How many recovery codes are left. */
  codesLeft(personId: PersonId): Promise<number>;
  /** What the person wants to be called; null where they never said. */
  displayName(personId: PersonId): Promise<string | null>;
  /** Newest first. */
  accesses(personId: PersonId, limit: number): Promise<PersonAccess[]>;
  /** Asked to be deleted, and not gone yet. */
  isClosing(personId: PersonId): Promise<boolean>;
  /** Accounts that wait to be erased, oldest first. */
  closing(limit: number): Promise<PersonId[]>;
  /** Everything that is kept of this person, table by table, a few rows in memory at a time. */
  records(personId: PersonId): AsyncIterable<PersonRow>;
}

export interface AccountWriter {
  /**
   * An account is opened: how many were since then, from the same network (0 where it is not known) and in all, with this one. One opening after the
   * other, until the transaction ends.
   */
  countOpening(opening: { network: string | null; at: Date; since: Date }): Promise<{ fromHere: number; overall: number }>;
  /** A session was used. */
  see(tokenHash: string, at: Date): Promise<void>;
  /** False where this person has no such session. */
  endSession(personId: PersonId, id: SessionId): Promise<boolean>;
  /** All but one (by its hash), or all. Returns how many ended. */
  endSessions(personId: PersonId, but: string | null): Promise<number>;
  /** The person's row, locked until the transaction ends: what is the last way in is decided one after the other. */
  lock(personId: PersonId): Promise<void>;
  setDisplayName(personId: PersonId, name: string): Promise<void>;
  /** @throws RelaisError `conflict` where the authenticator's name is known, also of somebody else. */
  addPasskey(passkey: Passkey): Promise<void>;
  renamePasskey(personId: PersonId, id: PasskeyId, name: string): Promise<boolean>;
  removePasskey(personId: PersonId, id: PasskeyId): Promise<boolean>;
  /** Counts up; false, and nothing changed, where the counter does not grow or the passkey is blocked. Two authenticators that never count agree on 0. */
  usePasskey(id: PasskeyId, counter: number, at: Date): Promise<boolean>;
  blockPasskey(id: PasskeyId, at: Date): Promise<void>;
  /** Instead of all that were there before. */
  replaceCodes(personId: PersonId, hashes: string[], at: Date): Promise<void>;
  /** Whose it is, for exactly one of any number of parallel calls; null where it is none, or used. */
  useCode(hash: string, at: Date): Promise<PersonId | null>;
  /** Erases the account's name, credentials and inventory; the row goes too where no permission or switch ever stood on it. */
  removeLink(id: LinkId, at: Date): Promise<void>;
  /** Written for everybody who acts for a participant that one of these ids leads to: its own, its organisation's, an application's, a document's. */
  addAccesses(access: Pick<PersonAccess, "viewer" | "office" | "what" | "at"> & { ids: readonly string[] }): Promise<void>;
  /** From now on nobody signs in to it. */
  close(personId: PersonId, at: Date): Promise<void>;
  /** Erases every row of this person. False where something is still under way: then nothing changed. */
  erase(personId: PersonId): Promise<boolean>;
}
