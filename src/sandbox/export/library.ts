import type { Bytes, DatasetCount } from "../../core/transfer/adapter.ts";

/** An item as a source lists it. */
export interface ListedItem {
  key: string;
  mediaType: string;
  bytes: number;
  /** Base64url. */
  sha256: string;
  modified: string;
  /** A JSON value whose canonical form (RFC 8785) are the item's bytes; absent where they are read at their own address. */
  content?: unknown;
}

/** A contract that several people hold, as one of its accounts may know it (docs/self-data-transfer.md, source side). */
export interface ToldContract {
  reference: string;
  party: string;
  parties: string[];
  approval_rule: "any" | "all";
  safety?: true;
}

export interface PageAsked {
  account: string;
  dataset: string;
  /** As an earlier page gave it in `next`. */
  cursor: string | null;
  since: Date | null;
  limit: number;
}

export interface ChangesAsked extends Omit<PageAsked, "since"> {
  /** As it was named before. */
  position: string;
}

export interface ChangedPage {
  items: ListedItem[];
  /** Keys under which there is nothing any more. */
  gone: string[];
  next: string | null;
}

export interface ReadItem {
  mediaType: string;
  bytes: number;
  sha256: string;
  body: Bytes;
}

/**
 * What a source holds, by account. Accounts and data sets that it does not know are null.
 * The order of items stays the same while nothing is added.
 */
export interface Library {
  counts(account: string): Promise<DatasetCount[]>;
  /** The contract behind this account, where others hold it too. */
  contract?(account: string): ToldContract | null;
  /** Where its list stands: from there `changes` tells what is new. Absent where it keeps no account of changes; null for a data set of which it keeps none. */
  position?(account: string, dataset: string): Promise<string | null>;
  /** What is new, changed or gone since then, by key; null where it does not know that place (any more). */
  changes?(asked: ChangesAsked): Promise<ChangedPage | null>;
  /** @throws RelaisError `invalid` for a cursor that it never gave. */
  page(asked: PageAsked): Promise<{ items: ListedItem[]; next: string | null } | null>;
  read(account: string, dataset: string, key: string): Promise<ReadItem | null>;
  /** Deletes what it holds in these data sets; absent where the source never deletes for Relais. */
  erase?(account: string, datasets: string[]): Promise<void>;
}
