import { itemName } from "./adapter.ts";
import { originalsIn, type Manifest, type Omission, type OmissionReason, type Receipt } from "./manifest.ts";

/** What the destination really has of one item that was sent. */
export interface Verdict {
  dataset: string;
  key: string;
  stored: boolean;
  /** Why not: `lost` where the receipt does not name it, `changed` where it names other bytes, else the destination's own reason. */
  reason: OmissionReason | null;
  /** It is a copy in another form, beside what came from the source. */
  isCopy: boolean;
}

export interface Reconciliation {
  verdicts: Verdict[];
  /** Counted at the source, and neither stored nor omitted with a reason. */
  missing: { dataset: string; items: number }[];
  complete: boolean;
}

/** Compares what was consented (counted; copies are beside it), sent (manifest) and stored (receipt), item by item, digest by digest. `known`: why something did not move. */
export function reconcile(
  expected: { dataset: string; items: number }[],
  manifest: Manifest,
  receipt: Receipt,
  known: Omission[] = [],
): Reconciliation {
  const held = new Map(receipt.items.map((item) => [itemName(item), item]));
  const refused = new Map([...known, ...receipt.omissions].map((omission) => [itemName(omission), omission.reason]));
  const verdicts = manifest.items.map((sent): Verdict => {
    const stored = held.get(itemName(sent));
    const same = stored !== undefined && stored["sha-256"] === sent["sha-256"] && stored.bytes === sent.bytes;
    const reason = same ? null : (refused.get(itemName(sent)) ?? (stored === undefined ? "lost" : "changed"));
    return { dataset: sent.dataset, key: sent.key, stored: same, reason, isCopy: sent.made_from !== undefined };
  });
  const missing = expected
    .map(({ dataset, items }) => ({ dataset, items: items - originalsIn(manifest, dataset) }))
    .filter((gap) => gap.items > 0);
  return {
    verdicts,
    missing,
    complete: missing.length === 0 && manifest.omissions.length === 0 && verdicts.every((verdict) => verdict.stored),
  };
}
