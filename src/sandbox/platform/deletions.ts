import { RelaisError } from "../../core/errors.ts";
import type { Manifest, ToldDeletion } from "../../core/transfer/manifest.ts";
import type { Ledger } from "../peer/ledger.ts";
import type { KeptItem, Shelves } from "./shelves.ts";
import type { Incoming } from "./transfers.ts";

export interface DeletionPorts {
  shelves: Shelves;
  ledger: Ledger;
  /** Whether the person wrote something of their own beside this item. */
  isCorrected: (item: Pick<KeptItem, "account" | "dataset" | "key">) => boolean;
}

/**
 * What a source deleted goes here too: its own items alone, of the data sets that were announced. What the person corrected stays, beside their correction.
 * Doing it again gives the same answer.
 * @throws RelaisError `invalid` for a deletion of what was not announced, and nothing is deleted then.
 */
export async function applyDeletions(
  { shelves, ledger, isCorrected }: DeletionPorts,
  { account, source, transfer, datasets }: Incoming,
  { deletions }: Manifest,
): Promise<{ deletions?: ToldDeletion[] }> {
  if (deletions === undefined) return {};
  const announced = new Set(datasets.map(({ dataset }) => dataset));
  if (!deletions.every(({ dataset }) => announced.has(dataset)))
    throw new RelaisError("invalid", "The manifest deletes an item of a data set that was not announced.");
  const told: ToldDeletion[] = [];
  for (const { dataset, key } of deletions) {
    const item = { account, dataset, key };
    const held = shelves.find(account, dataset, key);
    const isKept = held !== null && (held.source !== source || isCorrected(item));
    if (held !== null && !isKept && (await shelves.remove({ ...item, source }))) ledger.note({ event: "removed", transfer, dataset, key });
    told.push({ dataset, key, outcome: isKept ? "kept" : "removed" });
  }
  return { deletions: told };
}
