import { RelaisError } from "../errors.ts";
import { newId } from "../ids.ts";
import type { Ports, Reader } from "../ports.ts";
import type { NewEvent, StoredDocument } from "./transfer-records.ts";
import { itemName } from "./adapter.ts";
import type { Attempt } from "./attempt.ts";
import type { Whole } from "./deliver-items.ts";
import { deletionEvents, judgeDeletions } from "./deletions.ts";
import { payloadOf, type Manifest, type Omission, type Receipt } from "./manifest.ts";
import { reconcile, type Verdict } from "./reconcile.ts";
import type { RunPorts } from "./run-ports.ts";
import type { Progress, Transfer } from "./transfer.ts";

interface Papers {
  manifest: Manifest;
  receipt: Receipt;
  /** Why something of the manifest did not move, where that is known: the receipt may only leave it out. */
  known?: Omission[];
}

/** A statement with the items of a very large transfer would take the database gigabytes, and keep every other attempt of this worker waiting for its own. */
const MOST_MARKS = 2_000;

/**
 * The last step: compares consented, sent and stored, writes down what each item came to, and says *verified* only where nothing is missing.
 * The receipt and what comes of it are written together; of a very large transfer what each item came to is written before, in parts, which says nothing as long as
 * the receipt is not kept: whoever goes on hands over the same manifest, gets the same receipt, and writes the same.
 */
export async function finishAttempt(
  ports: Pick<RunPorts, "store">,
  { transfer, step, record }: Attempt,
  papers: Papers & { jws: string; whole: Whole | null; before?: NewEvent[] },
): Promise<"verified" | "partial"> {
  const { receipt, jws, whole, before = [] } = papers;
  const expected = whole?.expected ?? countsOf(await ports.store.read((r) => r.transfers.progress(transfer.id)));
  const { state, marks, event } = outcomeOf(expected, papers);
  const deletions = judgeDeletions(papers.manifest, receipt);
  while (marks.length > MOST_MARKS) await record(marks.splice(0, MOST_MARKS));
  await step({
    state,
    marks,
    deletions,
    document: { id: newId("document"), kind: "receipt", jws },
    events: [...before, receiptEvent(papers, "platform"), ...deletionEvents(deletions, receipt), event],
    copied: state === "verified" ? "verified" : "incomplete",
  });
  return state;
}

/** The same for a receipt that is kept already. Its input is all in the store, so it can be repeated after a crash. */
export async function finishTransfer(ports: Pick<Ports, "store" | "clock">, transfer: Transfer): Promise<"verified" | "partial"> {
  const { progress, ...papers } = await ports.store.read((r) => readOutcome(r, transfer));
  const { state, marks, event } = outcomeOf(countsOf(progress), papers);
  const now = ports.clock.now();
  await ports.store.write(async (w) => {
    do {
      if (!(await w.deliveries.markItems(transfer.id, transfer.epoch, marks.splice(0, MOST_MARKS))))
        throw new RelaisError("lease_lost", "Another attempt owns this transfer now.");
    } while (marks.length > 0);
    await w.deliveries.change(transfer.id, transfer.epoch, { state });
    await w.deliveries.addEvent(transfer.id, now, event);
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

/** `waiting`: of what was proposed, how much is still to be decided. */
export function receiptEvent(
  { manifest, receipt }: Pick<Papers, "manifest" | "receipt">,
  by: "platform" | "holder",
  waiting = 0,
): NewEvent {
  const made = new Set(manifest.items.filter((item) => item.made_from !== undefined).map(itemName));
  const copies = receipt.items.filter((item) => made.has(itemName(item))).length;
  const counts = { items: receipt.items.length - copies, ...(copies > 0 ? { copies } : {}) };
  const details = { ...counts, observed: receipt.observed, ...(waiting > 0 ? { waiting } : {}) };
  return { kind: "receipt_received", actor: receipt.observed ? "relais" : by, details };
}

function countsOf(progress: Progress[]): Whole["expected"] {
  return progress.map(({ dataset, expected: items }) => ({ dataset, items }));
}

function outcomeOf(
  expected: Whole["expected"],
  { manifest, receipt, known }: Papers,
): { state: "verified" | "partial"; marks: ReturnType<typeof markOf>[]; event: NewEvent } {
  const { verdicts, missing, complete } = reconcile(expected, manifest, receipt, known);
  const state = complete ? "verified" : "partial";
  return {
    state,
    marks: verdicts.map(markOf),
    event: { kind: state, actor: "relais", details: detailsOf(verdicts, manifest, missing) },
  };
}

function markOf(verdict: Verdict): { dataset: string; key: string; state: "stored" | "omitted"; reason?: NonNullable<Verdict["reason"]> } {
  const { dataset, key, stored, reason } = verdict;
  return stored || reason === null ? { dataset, key, state: "stored" } : { dataset, key, state: "omitted", reason };
}

function detailsOf(verdicts: Verdict[], manifest: Manifest, missing: { items: number }[]): Record<string, number> {
  const count = (isCopy: boolean): { stored: number; omitted: number } => {
    const own = verdicts.filter((verdict) => verdict.isCopy === isCopy);
    const stored = own.filter((verdict) => verdict.stored).length;
    const left = manifest.omissions.filter((one) => (one.made_from !== undefined) === isCopy).length;
    return { stored, omitted: own.length - stored + left };
  };
  const copies = count(true);
  return {
    ...count(false),
    missing: missing.reduce((sum, gap) => sum + gap.items, 0),
    ...(copies.stored > 0 ? { copies: copies.stored } : {}),
    ...(copies.omitted > 0 ? { copies_left: copies.omitted } : {}),
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
