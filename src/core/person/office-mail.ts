import type { ParticipantId } from "../ids.ts";
import type { Letter, MailEnd, MailId } from "./mail.ts";

/** A mail to whoever answers people's reports. It names nobody and nothing: what waits is counted when it is sent, and read behind a sign-in. */
export interface OfficeMail {
  id: MailId;
  /** Null: the operator of this Relais. */
  participantId: ParticipantId | null;
  createdAt: Date;
  attempts: number;
}

export interface OfficeMailWriter {
  /** To be sent, one an hour at most to each; where one waits that nobody tried yet, that one tells of this too. */
  tell(participantId: ParticipantId | null): Promise<void>;
  /** For one caller until the lease is over (by the database's clock). Null where none is due. */
  claim(leaseSeconds: number): Promise<OfficeMail | null>;
  /** Nobody tries any more. */
  end(id: MailId, end: MailEnd): Promise<void>;
  /** Due again after so many seconds; ended as given up where it is older than `giveUpHours`. */
  postpone(id: MailId, later: { seconds: number; because: string; giveUpHours: number }): Promise<void>;
}

/** What is told: how many reports wait, and where they are read. */
export interface OfficeNews {
  /** Null: all, for the operator. */
  participantId: ParticipantId | null;
  waiting: number;
}

/** Writes it in both languages: which one an office reads is not known. */
export interface OfficeLetters {
  letterOf(news: OfficeNews): Letter;
}
