import type { Language } from "../catalogue/data-set.ts";
import type { Id, PersonId } from "../ids.ts";
import type { MailAddress, MailAddressId, OwnAddresses } from "./mail-address.ts";

export type MailId = Id<"mail">;

/** On what occasions a person is written to. */
export const MAIL_KINDS = [
  "address-proof",
  "address-changed",
  "address-test",
  "consent",
  "standing",
  "reminder",
  "switch-begun",
  "switch-closing",
  "new-browser",
  "passkey-added",
  "recovery-used",
] as const;
export type MailKind = (typeof MAIL_KINDS)[number];

/** One mail on its way. It names what it tells by our ids; address and text are looked up when it is sent. */
export interface Mail {
  /** Part of its Message-ID: sent again, it is the same mail. */
  id: MailId;
  personId: PersonId;
  kind: MailKind;
  /** Id of what it tells (the browser's family for a new one). */
  about: string;
  /** One mail of a kind for each, for ever. */
  occasion: string;
  /** Null: to the address in use when it is sent. */
  addressId: MailAddressId | null;
  createdAt: Date;
  attempts: number;
}

/** What became of a mail: handed over; its address does not exist; nobody took it in time; nothing was left to say, or nobody to say it to. */
export type MailEnd = "sent" | "refused" | "given_up" | "nothing";

/** What a link in a mail opens. Stopping a permission and wanting no reminders are safe for whoever reads the mail; seeing data is not. */
export type LinkPurpose = "prove" | "permission" | "unsubscribe";

export interface MailLink {
  /** SHA-256 of what stands in the mail. */
  tokenHash: string;
  mailId: MailId;
  personId: PersonId;
  /** The address that it was sent to: the link ends with it. */
  addressId: MailAddressId;
  purpose: LinkPurpose;
  /** Id of what it opens. */
  about: string;
  expiresAt: Date;
  usedAt: Date | null;
}

/** A mail that a mail server took. */
export type SentMail = Pick<Mail, "personId" | "addressId"> & { endedAt: Date };

export interface MailReader {
  /** Null for what was never sent, or is forgotten. */
  findSent(id: MailId): Promise<SentMail | null>;
  addresses(personId: PersonId): Promise<OwnAddresses>;
  /** Where this mail goes now; null where there is no such address any more, or it takes no mail. */
  addressOf(mail: Mail): Promise<MailAddress | null>;
  /** Null for what does not exist, is over or was used. */
  findLink(tokenHash: string, purpose: LinkPurpose, now: Date): Promise<MailLink | null>;
  /** How many mails nobody took yet. */
  waiting(): Promise<number>;
  /** Null where nobody knows: the account was never signed in to. */
  lastSignIn(personId: PersonId): Promise<Date | null>;
}

export interface MailWriter {
  /** In the place of another one that waits to be proved, whose links end. */
  give(address: MailAddress): Promise<void>;
  /** In use from now on. Returns the one that it replaces, or null. False where it is gone, or proved already. */
  prove(id: MailAddressId, at: Date): Promise<{ replaced: MailAddressId | null } | false>;
  /** Every address of this person, every link and everything that waits to be sent to them. */
  removeAddresses(personId: PersonId): Promise<void>;
  /** The address has been told that it is replaced. */
  forget(id: MailAddressId): Promise<void>;
  setReminders(personId: PersonId, off: Date | null): Promise<void>;
  /** False where no such address is in use. `null`: it is tried again. */
  markUnreachable(id: MailAddressId, at: Date | null): Promise<boolean>;
  /** Counts one more mail to an address that is not proved; false, and not counted, where one of the marks has `most` of the last 24 hours. */
  countAttempt(attempt: { marks: string[]; at: Date; most: number }): Promise<boolean>;

  /** To be sent. False where this was told before. */
  tell(mail: Pick<Mail, "personId" | "kind" | "about" | "occasion" | "addressId">): Promise<boolean>;
  /** The same for everybody who has to be reminded of their permissions now, at most `limit`. Returns how many. */
  remind(due: { now: Date; days: number; limit: number }): Promise<number>;
  /** The next mail, for one caller until the lease is over (by the database's clock); those that somebody waits for first. Null where none is due. */
  claim(leaseSeconds: number): Promise<Mail | null>;
  /** Nobody tries any more. */
  end(id: MailId, end: MailEnd): Promise<void>;
  /** Due again after so many seconds; ended as given up where it is older than `giveUpHours`. */
  postpone(id: MailId, later: { seconds: number; because: string; giveUpHours: number }): Promise<void>;
  /** The same links again are nothing new. */
  addLinks(links: Omit<MailLink, "usedAt">[]): Promise<void>;
  /** For exactly one of any number of parallel calls; null for every other one, and for what `findLink` does not find. */
  takeLink(tokenHash: string, purpose: LinkPurpose, now: Date): Promise<MailLink | null>;
}

/** What its text is in: one language, or both, one after the other (RFC 3282 §2). */
export type LetterLanguage = Language | "fr, en";

/** A mail as it is handed over. */
export interface Letter {
  subject: string;
  text: string;
  html: string;
  /** Where one click ends mails of this kind (RFC 8058); null where they cannot be ended. */
  unsubscribe: string | null;
}

/** Writes what a mail says, in this language, and nothing personal in its subject. */
export interface LetterWriter<Content> {
  letterOf(content: Content, language: Language): Letter;
}

/**
 * The words behind `/mail/…/` that open something: the same for the same mail, purpose and thing, so that a mail sent twice is twice the same; nobody
 * who does not hold the worker's secret can make one.
 */
export interface LinkTokens {
  tokenOf(link: { mailId: MailId; purpose: LinkPurpose; about: string }): string;
}

/** What the mail server said: taken; no such address; not now; or nothing at all (away, no TLS, our name is not known there). */
export type MailAnswer =
  | { kind: "taken" }
  | { kind: "refused"; because: string }
  | { kind: "later"; because: string }
  | { kind: "away"; because: string };

/**
 * Hands mails to a mail server, which answers for them from then on. Never throws. The same mail handed over twice arrives twice under one
 * Message-ID, and mail programs show it once. `because` is an SMTP code or a word of ours: never an address.
 */
export interface Mailer {
  hand(mail: { id: MailId; at: Date; to: string; letter: Letter; language: LetterLanguage }): Promise<MailAnswer>;
}
