import type { ColumnType } from "kysely";
import type { Consent } from "../core/consent/consent.ts";
import type { EventType } from "../core/events/outbox.ts";
import type { Id, ParticipantId, TransferId } from "../core/ids.ts";
import type { SignedCheckpoint } from "../core/ledger/ledger.ts";
import type { AccountLink, Person, Session } from "../core/person/person.ts";
import type { StoredDocument } from "../core/ports.ts";
import type { Participant, TrustMark } from "../core/register/participant.ts";
import type { Switch } from "../core/switch/switch.ts";
import type { Transfer, TransferEvent, TransferItem } from "../core/transfer/transfer.ts";

/** `pg` reads jsonb as values and writes it from text. */
type Json<T> = ColumnType<T, string, string>;
type WithJson<T, K extends keyof T> = Omit<T, K> & { [P in K]: Json<T[P]> };

interface NoticeRow {
  id: Id<"event">;
  recipientId: ParticipantId;
  aboutId: ParticipantId;
  type: EventType;
  details: Json<Record<string, unknown>>;
  createdAt: Date;
  dueAt: Date;
  attempts: ColumnType<number, number | undefined, number>;
  acknowledgedAt: ColumnType<Date | null, Date | null | undefined, Date | null>;
  givenUpAt: ColumnType<Date | null, Date | null | undefined, Date | null>;
  lastFailure: ColumnType<string | null, string | null | undefined, string | null>;
}

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
  logEntries: { index: number; leaf: Buffer };
  logHashes: { level: number; index: number; hash: Buffer };
  logCheckpoints: SignedCheckpoint;
  notices: NoticeRow;
}
