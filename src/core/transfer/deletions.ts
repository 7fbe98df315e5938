import { RelaisError } from "../errors.ts";
import type { NewEvent } from "./transfer-records.ts";
import { itemName } from "./adapter.ts";
import type { Manifest, Receipt, ToldDeletion } from "./manifest.ts";

/**
 * What the destination did with its copy of each item that is no more at its source. What it says nothing of, it kept: nobody deletes in the place of the
 * person whose space it is.
 * @throws RelaisError `peer_protocol` where it speaks of a deletion that it was not told, or twice of one.
 */
export function judgeDeletions({ deletions = [] }: Manifest, receipt: Pick<Receipt, "deletions">): ToldDeletion[] {
  const told = new Map((receipt.deletions ?? []).map((one) => [itemName(one), one.outcome]));
  const known = new Set(deletions.map(itemName));
  if (told.size !== (receipt.deletions ?? []).length || [...told.keys()].some((name) => !known.has(name)))
    throw new RelaisError(
      "peer_protocol",
      "The platform’s receipt speaks of a deletion that it was not told, or twice of one. It must correct its software.",
      { actor: "platform" },
    );
  return deletions.map(({ dataset, key }) => ({ dataset, key, outcome: told.get(itemName({ dataset, key })) ?? "kept" }));
}

/** One line of the timeline, where there is something to say. */
export function deletionEvents(judged: readonly ToldDeletion[], { observed }: Pick<Receipt, "observed">): NewEvent[] {
  if (judged.length === 0) return [];
  const count = (outcome: ToldDeletion["outcome"]): number => judged.filter((one) => one.outcome === outcome).length;
  const details = { removed: count("removed"), kept: count("kept") };
  return [{ kind: "deletions_told", actor: observed ? "relais" : "platform", details }];
}
