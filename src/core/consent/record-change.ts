import type { Language } from "../catalogue/data-set.ts";
import type { Actor } from "../errors.ts";
import type { ConsentId, Id } from "../ids.ts";
import type { TrustMark } from "../register/participant.ts";
import type { Consent, ConsentState, EndReason } from "./consent.ts";

export type ChangeId = Id<"change">;

/** One state that a consent came to. Its receipt, its leaf in the public log and its events are made from this row, once each. */
export interface ConsentChange {
  /** Grows with each change that is written down: the order in which they are told. */
  sequence: number;
  id: ChangeId;
  consentId: ConsentId;
  /** Null where the consent was asked for. */
  earlier: ConsentState | null;
  state: ConsentState;
  at: Date;
  by: Actor;
  /** In which its person was spoken to. */
  language: Language;
  because: EndReason | null;
  /** Compact JWS; null until it is made, and for what needs none (`needsReceipt`). */
  receipt: string | null;
  /** Place of the receipt's hash in the public log. */
  logIndex: number | null;
  sealedAt: Date | null;
  toldAt: Date | null;
}

/** A change with all that its receipt is made of. */
export interface RecordedChange {
  change: ConsentChange;
  consent: Consent;
  /** The newest mark of each end at that time; null where it had none. */
  marks: { source: TrustMark | null; destination: TrustMark | null };
}

export interface ChangesReader {
  /** In their order. */
  of(consentId: ConsentId): Promise<ConsentChange[]>;
  find(id: ChangeId): Promise<ConsentChange | null>;
}

export interface ChangesWriter {
  /**
   * The next changes without a receipt: what a person did first, and those of one consent in their order. One caller at a time works on them, until
   * its transaction ends; empty for every other one, and where there are none.
   */
  nextToSeal(limit: number): Promise<RecordedChange[]>;
  /** Keeps the receipts. Those that need none have null. */
  seal(sealed: { id: ChangeId; receipt: string | null; logIndex: number | null; at: Date }[]): Promise<void>;
  /** The same for events that are not written down yet. */
  nextToTell(limit: number): Promise<{ change: ConsentChange; consent: Consent }[]>;
  told(ids: ChangeId[], at: Date): Promise<void>;
}

/** What was only asked for, and what ended unanswered, is no consent: nobody needs a proof of it. */
export function needsReceipt({ earlier, state }: Pick<ConsentChange, "earlier" | "state">): boolean {
  return earlier !== null && (earlier !== "requested" || state === "active" || state === "refused");
}
