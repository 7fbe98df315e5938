import { itemName } from "./adapter.ts";
import type { Manifest, Omission, OmissionReason, Receipt } from "./manifest.ts";

/** What the destination really has of one item that was sent. */
export interface Verdict {
  dataset: string;
  key: string;
  stored: boolean;
  /** Why not: `lost` where the receipt does not name it, `changed` where it names other bytes, else the destination's own reason. */
  reason: OmissionReason | null;
}

export interface Reconciliation {
  verdicts: Verdict[];
  /** Counted at the source, and neither stored nor omitted with a reason. */
  missing: { dataset: string; items: number }[];
  complete: boolean;
}

/** Compares what was consented (counted), sent (manifest) and stored (receipt), item by item, digest by digest. `known`: why something did not move. */
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
    return { dataset: sent.dataset, key: sent.key, stored: same, reason };
  });
  const missing = expected
    .map(({ dataset, items }) => ({ dataset, items: items - accounted(dataset, manifest) }))
    .filter((gap) => gap.items > 0);
  return {
    verdicts,
    missing,
    complete: missing.length === 0 && manifest.omissions.length === 0 && verdicts.every((verdict) => verdict.stored),
  };
}

function accounted(dataset: string, manifest: Manifest): number {
  return (
    manifest.items.filter((item) => item.dataset === dataset).length +
    manifest.omissions.filter((omission) => omission.dataset === dataset).length
  );
}
