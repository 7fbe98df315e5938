import type { DecisionId } from "../register/application.ts";
import type { ConsentState } from "../consent/consent.ts";
import type { ConsentId, ParticipantId, TransferId } from "../ids.ts";
import type { EntryKind } from "../ledger/ledger.ts";
import type { Status } from "../register/participant.ts";

/** What was handed in. */
export type DocumentKind = "trust_mark" | "manifest" | "receipt" | "consent_receipt" | "log_proof" | "other";

export type Finding =
  /** Of a trust mark, as it is now. */
  | "active"
  | "suspended"
  | "revoked"
  | "expired"
  /** Of a manifest, a receipt or a proof: it is what it says. */
  | "holds"
  /** It says that it is of this register, or of one of its participants, and is not; or it was changed. */
  | "forged"
  /** Our log signed it, and holds something else at this place today: two histories. */
  | "contradicted"
  /** Signed, it says, by a participant, with a key that the register does not know of it today: it may be a key of the past. */
  | "unknown_key"
  /** Of another issuer, another log, or somebody who is not in this register: nothing can be said here. */
  | "not_ours"
  /** Nothing that can be checked here. */
  | "unreadable";

/** What was looked at. */
export type CheckName = "signature" | "issued_here" | "standing_now" | "in_log" | "log_today" | "kept_copy" | "hash_in_log" | "text_in_log";
/** What nobody can see in the document alone. */
export type Unchecked = "bearer" | "files" | "counterpart" | "person" | "one_history" | "rightness";

export interface Check {
  check: CheckName;
  holds: boolean;
}

/** Somebody who is named in a document, and who that is in the register. */
export interface Party {
  entityId: string;
  /** Null where the register does not know it. */
  known: { id: ParticipantId; name: string } | null;
}

export interface MarkDetails {
  level: number | null;
  charter: string | null;
  issuedAt: Date | null;
  expiresAt: Date | null;
  logIndex: number | null;
}

export interface TransferDetails {
  transfer: TransferId | null;
  source: Party;
  destination: Party;
  signedBy: Party;
  /** A receipt by Relais, for a destination that cannot sign. */
  observed: boolean;
  signedAt: Date | null;
  items: number;
  bytes: number;
  omissions: number;
}

export interface ConsentDetails {
  consent: ConsentId;
  /** What the receipt is for. */
  state: ConsentState;
  at: Date;
  source: Party;
  destination: Party;
  noticeHash: string;
  logIndex: number;
  /** The consent as it is now, as its status list says too. */
  standing: ConsentStanding;
}

/** As a status list tells it: what ended stays ended. */
export type ConsentStanding = "valid" | "ended" | "suspended";

export interface ProofDetails {
  log: string;
  index: number;
  entry: EntryKind | null;
  at: Date | null;
  /** For a decision. */
  decision: DecisionId | null;
  decided: string | null;
  /** The standing today of whom the entry is about. */
  standing: Status | null;
}

/** What can be said of a document that somebody handed in. Nothing of it is kept. */
export interface Verdict {
  kind: DocumentKind;
  finding: Finding;
  about: Party | null;
  details: MarkDetails | TransferDetails | ConsentDetails | ProofDetails | null;
  checks: Check[];
  unchecked: Unchecked[];
  /** How to check it without us: a command line, where `FILE` is the file that holds it. */
  command: string;
}
