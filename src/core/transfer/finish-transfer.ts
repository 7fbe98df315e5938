import { RelaisError } from "../errors.ts";
import type { Ports, Reader, StoredDocument } from "../ports.ts";
import { payloadOf } from "./complete-transfer.ts";
import type { Manifest, Receipt } from "./manifest.ts";
import { reconcile, type Verdict } from "./reconcile.ts";
import type { Progress, Transfer } from "./transfer.ts";

/**
 * The last step: compares consented, sent and stored, writes down what each item came to, and says *verified* only where nothing is missing.
 * Its input is all in the store, so it can be repeated after a crash.
 */
export async function finishTransfer(ports: Pick<Ports, "store" | "clock">, transfer: Transfer): Promise<"verified" | "partial"> {
  const { manifest, receipt, progress } = await ports.store.read((r) => readOutcome(r, transfer));
  const result = reconcile(
    progress.map(({ dataset, expected }) => ({ dataset, items: expected })),
    manifest,
    receipt,
  );
  const state = result.complete ? "verified" : "partial";
  const now = ports.clock.now();
  await ports.store.write(async (w) => {
    if (!(await w.deliveries.markItems(transfer.id, transfer.epoch, result.verdicts.map(markOf))))
      throw new RelaisError("lease_lost", "Another attempt owns this transfer now.");
    await w.deliveries.change(transfer.id, transfer.epoch, { state });
    await w.deliveries.addEvent(transfer.id, now, {
      kind: state,
      actor: "relais",
      details: detailsOf(result.verdicts, manifest, result.missing),
    });
    if (transfer.switchId !== null)
      await w.moves.change(
        transfer.switchId,
        ["copying"],
        state === "verified" ? "verified" : "incomplete",
        state === "verified" ? { verifiedAt: now } : {},
      );
  });
  return state;
}

function markOf(verdict: Verdict): { dataset: string; key: string; state: "stored" | "omitted"; reason?: NonNullable<Verdict["reason"]> } {
  const { dataset, key, stored, reason } = verdict;
  return stored || reason === null ? { dataset, key, state: "stored" } : { dataset, key, state: "omitted", reason };
}

function detailsOf(verdicts: Verdict[], manifest: Manifest, missing: { items: number }[]): Record<string, number> {
  const stored = verdicts.filter((verdict) => verdict.stored).length;
  return {
    stored,
    omitted: verdicts.length - stored + manifest.omissions.length,
    missing: missing.reduce((sum, gap) => sum + gap.items, 0),
  };
}

async function readOutcome(r: Reader, { id }: Transfer): Promise<{ manifest: Manifest; receipt: Receipt; progress: Progress[] }> {
  const documents = await r.transfers.documents(id);
  const payload = (kind: StoredDocument["kind"]): unknown => {
    const found = documents.find((document) => document.kind === kind);
    if (found === undefined) throw new RelaisError("internal", `The ${kind} of this transfer is missing.`);
    return payloadOf(found.jws);
  };
  return { manifest: payload("manifest") as Manifest, receipt: payload("receipt") as Receipt, progress: await r.transfers.progress(id) };
}
