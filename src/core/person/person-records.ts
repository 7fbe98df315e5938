import type { LinkId, PersonId } from "../ids.ts";
import type { AccountLink, Person, Session } from "./person.ts";

/** People, their sessions, and the accounts that they proved. */
export interface PeopleReader {
  find(id: PersonId): Promise<Person | null>;
  findSession(tokenHash: string, now: Date): Promise<Session | null>;
  /** What the person removed does not exist. */
  getLink(id: LinkId): Promise<AccountLink>;
  listLinks(personId: PersonId): Promise<AccountLink[]>;
  /** When they came the time before this one; null where this is the first. */
  findPreviousVisit(personId: PersonId): Promise<Date | null>;
}

export interface AccountsWriter {
  /** Finds the person by issuer and subject, or makes one: two parallel first sign-ins give one person. */
  signIn(person: Person): Promise<Person>;
  addSession(session: Session): Promise<void>;
  /** Returns what it was, or null. */
  endSession(tokenHash: string): Promise<Session | null>;
  /** One link per person, participant and account: proving again replaces. */
  putLink(link: AccountLink): Promise<AccountLink>;
}
