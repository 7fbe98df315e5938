import type { Consent } from "../consent/consent.ts";
import type { StandingReader } from "../consent/standings.ts";
import type { DocumentId } from "../ids.ts";
import type { NewEvent, Ring } from "./transfer-records.ts";
import { itemName } from "./adapter.ts";
import type { Stand } from "./increment-records.ts";
import type { MadeFrom, OmissionReason, ToldDeletion } from "./manifest.ts";
import type { ItemState, Transfer, TransferItem, TransferState } from "./transfer.ts";

/** What the right to go on stands on, as the tables say it at the moment of the call. */
export interface Ground {
  consent: Consent;
  reader: StandingReader;
}

/** A transfer whose lease was just taken. */
export interface Begun {
  transfer: Transfer;
  /** What an earlier attempt signed. */
  manifest: string | null;
  /** Null where there is no such consent any more. */
  ground: Ground | null;
}

/** What became of one item. */
export interface Mark {
  dataset: string;
  key: string;
  state: ItemState;
  reason?: OmissionReason;
  bytes?: number;
  sha256?: string;
  /** Of what is not listed beside: needed where it is asked for again later. */
  mediaType?: string;
}

/** A source may list an item twice: what was said last counts, and a row is written once in a statement. */
export function lastOfEach(marks: readonly Mark[]): Mark[] {
  return [...new Map(marks.map((mark) => [itemName(mark), mark])).values()];
}

/** What an attempt writes down together. */
export interface Step {
  state?: TransferState;
  /** `at`: when it happened, where that was before the step. */
  events: (NewEvent & { at?: Date })[];
  /** The denominator, fixed once per data set: a second count never lowers it. */
  expected?: { dataset: string; items: number; bytes: number }[];
  /** What the source listed. Known items keep their state; copies are made from what they are made from now. */
  listed?: (Omit<TransferItem, "state" | "reason" | "madeFrom"> & { madeFrom?: MadeFrom })[];
  marks?: Mark[];
  document?: { id: DocumentId; kind: "manifest" | "receipt"; jws: string };
  /** Where the data sets stand with the proof of this delivery; they count for the permission from the statement on that ends it as proved. */
  stands?: Stand[];
  deletions?: ToldDeletion[];
  /** What the switch that this copy belongs to has come to. */
  copied?: "verified" | "incomplete";
}

/**
 * What attempts ask and write most. Each call is one statement, and those of all attempts of this process that call at the same moment are one
 * statement together: all of a step or nothing is written. A step is durable once its promise is kept.
 */
export interface AttemptRecords {
  /**
   * Takes the lease: the epoch grows by one. Null where `epoch` is past, where somebody holds it, where it is not due, or where it has ended. Leases are
   * measured by the database's clock: a worker whose clock is wrong neither keeps nor loses one by that.
   */
  begin(ring: Ring, terms: { leaseSeconds: number; at: Date }): Promise<Begun | null>;
  /** Whether it still stands, and on what. */
  look(id: Transfer["id"], now: Date): Promise<Pick<Transfer, "state" | "epoch"> & Pick<Begun, "ground">>;
  /** False, and nothing written, where this attempt's epoch is past. @throws `conflict` for a move not in `MOVES`, or a second document of a kind. */
  step(attempt: Pick<Transfer, "id" | "epoch">, step: Step, at: Date): Promise<boolean>;
}
