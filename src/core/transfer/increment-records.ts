import type { ConsentId, TransferId } from "../ids.ts";
import type { Position } from "./adapter.ts";
import type { OmissionReason, ToldDeletion } from "./manifest.ts";

/** Where a data set stands by the last delivery that was proved. */
export interface Start {
  dataset: string;
  from: Position;
  /** When its source began to list what that delivery brought. */
  at: Date;
  /** What that delivery left behind for a reason that may pass; null where it is more than is asked for one by one, or its names have gone by age. */
  owed: { key: string; mediaType: string }[] | null;
}

/** Where a data set stands if this delivery is proved. */
export interface Stand {
  dataset: string;
  kind: Position["kind"];
  value: string;
  at: Date;
}

/** What earlier deliveries under the same permission came to at one key. */
export interface Known {
  /** Of what the destination last proved that it holds; null where something happened since. */
  sha256: string | null;
  /** It was sent there, and its deletion was not told since. */
  isGiven: boolean;
}

export interface IncrementsReader {
  /** Empty before the first proof, and after everything was asked for anew. */
  starts(consentId: ConsentId, terms: { passing: readonly OmissionReason[]; mostOwed: number }): Promise<Start[]>;
  /** By key; what was never listed under this permission is not there. Where names have gone by age, what is not known may have been given. */
  known(of: { consentId: ConsentId; dataset: string }, keys: readonly string[]): Promise<Map<string, Known>>;
  /** What this delivery told of deletions, once it is proved. */
  deletions(transferId: TransferId, limit: number): Promise<ToldDeletion[]>;
}

export interface IncrementsWriter extends IncrementsReader {
  /** The next delivery brings everything. */
  forget(consentId: ConsentId): Promise<void>;
}
