import type { DataKind, DataSet } from "../catalogue/data-set.ts";
import type { ParticipantId } from "../ids.ts";
import type { Participant, Role, Status, TrustMark } from "./participant.ts";

/** A participant as the register shows it: with its newest mark, in force or not. */
export interface RegisterEntry {
  participant: Participant;
  mark: TrustMark | null;
}

/** Who is looked for. What is absent does not filter. */
export interface RegisterFilter {
  /** One of these. */
  ids?: readonly ParticipantId[];
  entityId?: string;
  role?: Role;
  /** Part of the name; accents and capitals do not matter. */
  name?: string;
  /** Of the accreditation in force. 0 are those of the sandbox: registered, and not more. */
  level?: TrustMark["level"];
  /** As it is now: an accreditation whose mark ran out is `expired` before anybody writes it down. */
  standing?: Status;
  /** Gives this data set back. */
  dataset?: string;
  /** Gives data of this kind back. */
  kind?: DataKind;
  /** ISO 3166 country where it keeps the data. */
  country?: string;
  /** Accredited above the sandbox's level: somebody has looked at it, and people may be led there. */
  isChecked?: true;
  /** Not only services: somebody with whom a person can have an account. */
  keepsData?: true;
}

/** Behind whom a page begins. */
export interface Place {
  name: string;
  id: ParticipantId;
}

export interface RegisterReader {
  /** In the order of their names (accents and capitals aside), then of their ids, behind `after`. At most `limit`. */
  entries(filter: RegisterFilter & { after?: Place | undefined; limit: number }, now: Date): Promise<RegisterEntry[]>;
  /** The same, and how many the filter lets through, wherever the page begins: whom it lets through is looked for once. */
  counted(
    filter: RegisterFilter & { after?: Place | undefined; limit: number },
    now: Date,
  ): Promise<{ entries: RegisterEntry[]; total: number }>;
  /** Where data is kept, in the order of the codes: what the filter can be set to. */
  countries(): Promise<string[]>;
  /** Those of them that there are, in no order. */
  named(ids: Iterable<ParticipantId>): Promise<Participant[]>;
  /** What holders say of these data sets, one description for each name. */
  datasets(ids: readonly string[]): Promise<DataSet[]>;
  /** Everybody with a mark in force, by entity identifier, as a trust list needs them. */
  trusted(now: Date): Promise<TrustedEntity[]>;
  /** Other texts mean another answer of `trusted`. One aggregate; no row leaves the database. */
  trustedFingerprint(now: Date): Promise<string>;
}

export interface TrustedEntity {
  entityId: string;
  name: string;
  roles: Role[];
  markId: TrustMark["id"];
  type: string;
  level: TrustMark["level"];
  /** When the mark ends, in seconds. */
  until: number;
}
