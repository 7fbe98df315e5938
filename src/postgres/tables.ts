import type { ColumnType } from "kysely";
import type { Consent } from "../core/consent/consent.ts";
import type { TransferId } from "../core/ids.ts";
import type { AccountLink, Person, Session } from "../core/person/person.ts";
import type { StoredDocument } from "../core/ports.ts";
import type { Participant, TrustMark } from "../core/register/participant.ts";
import type { Switch } from "../core/switch/switch.ts";
import type { Transfer, TransferEvent, TransferItem } from "../core/transfer/transfer.ts";

/** `pg` reads jsonb as values and writes it from text. */
type Json<T> = ColumnType<T, string, string>;
type WithJson<T, K extends keyof T> = Omit<T, K> & { [P in K]: Json<T[P]> };

/** Rows are the core's objects: columns are their members in snake case. */
export interface Tables {
  participants: WithJson<Participant, "endpoints" | "keys" | "datasets" | "about" | "client">;
  trustMarks: TrustMark;
  people: Person;
  sessions: Session;
  accountLinks: WithJson<AccountLink, "inventory">;
  consents: WithJson<Consent, "notice">;
  switches: Switch;
  transfers: Transfer;
  transferKeys: { caller: string; key: string; fingerprint: string; transferId: TransferId };
  transferEvents: WithJson<TransferEvent, "details">;
  transferExpected: { transferId: TransferId; dataset: string; items: number; bytes: number };
  transferItems: TransferItem & { transferId: TransferId };
  transferDocuments: StoredDocument;
}
