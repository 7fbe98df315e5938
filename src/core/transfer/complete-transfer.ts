import { asRelaisError, RelaisError } from "../errors.ts";
import { newId } from "../ids.ts";
import { awaitReceipt } from "../mailbox/await-receipt.ts";
import type { Reader, Writer } from "../ports.ts";
import type { NewEvent } from "./transfer-records.ts";
import { itemName, type Destination, type Proof } from "./adapter.ts";
import type { Attempt } from "./attempt.ts";
import type { Moved } from "./deliver-items.ts";
import { finishAttempt, finishTransfer, receiptEvent } from "./finish-transfer.ts";
import { COMPACT_ITEMS } from "./compact-form.ts";
import type { Increment } from "./increment.ts";
import type { Stand } from "./increment-records.ts";
import { made, MANIFEST_TYPE, payloadOf, RECEIPT_TYPE, sha256, type Manifest, type Omission, type Receipt } from "./manifest.ts";
import { headOf } from "./open-ends.ts";
import { outcomesOf, waitOn } from "./proposal.ts";
import type { RunPorts } from "./run-ports.ts";
import type { Transfer, TransferItem, TransferState } from "./transfer.ts";

/**
 * Signs what was sent, keeps it, hands it over, and keeps the destination's proof. The manifest is written before it is handed over:
 * after a crash the same one is handed over again, never a second one. `waiting`: of what was proposed, something is still to be decided.
 * `moved`: what this attempt has not written down yet.
 */
export async function completeTransfer(
  ports: RunPorts,
  attempt: Attempt,
  destination: Destination,
  moved?: Delivered,
): Promise<TransferState | "waiting"> {
  const stored = attempt.manifest;
  if (stored !== null) await standAsDelivered(attempt);
  if (stored !== null && moved !== undefined && moved.marks.length > 0) await attempt.record(moved.marks.splice(0));
  const manifestJws = stored ?? (await signManifest(ports, attempt, moved));
  const manifest = payloadOf(manifestJws) as Manifest;
  await attempt.mayMoveData();
  const proof = await destination.complete(manifest, manifestJws);
  if (proof.kind === "waiting")
    return attempt.write((w) => awaitReceipt(w, attempt.transfer, { until: proof.until, now: ports.clock.now() }));
  const { receipt, jws } = await receiptOf(ports, attempt, { manifest, manifestJws, proof });
  if (manifest.action === "propose") return settleOutcomes(ports, attempt, { manifest, receipt, jws });
  const known = stored === null || moved === undefined ? [] : await knownOmissions(ports, attempt);
  return finishAttempt(ports, attempt, { manifest, receipt, jws, whole: moved?.whole ?? null, known });
}

/** Why items that were signed for one request did not move when each had its own: what is only listed still, the source no longer has. */
async function knownOmissions({ store }: RunPorts, { transfer }: Attempt): Promise<Omission[]> {
  const still = async (state: "omitted" | "listed") => store.read((r) => r.transfers.items(transfer.id, { state, limit: COMPACT_ITEMS }));
  const known = [...(await still("omitted")), ...(await still("listed"))];
  return known.map(({ dataset, key, reason }) => ({ dataset, key, reason: reason ?? "not_available" }));
}

/** What the organisation decided so far is kept; its receipt when nothing waits any more. */
async function settleOutcomes(
  ports: RunPorts,
  { transfer, write }: Attempt,
  { manifest, receipt, jws }: { manifest: Manifest; receipt: Receipt; jws: string },
): Promise<TransferState | "waiting"> {
  const now = ports.clock.now();
  const isWaiting = await write(async (w) => {
    const waiting = await recordOutcomes(w, transfer, { manifest, receipt, now });
    if (waiting === 0)
      await w.deliveries.addDocument({ id: newId("document"), transferId: transfer.id, kind: "receipt", jws, createdAt: now });
    if (transfer.state !== "received") {
      await w.deliveries.change(transfer.id, transfer.epoch, { state: "received" });
      await w.deliveries.addEvent(transfer.id, now, receiptEvent({ manifest, receipt }, "holder", waiting));
    }
    if (waiting > 0) await waitOn(w, transfer, now);
    return waiting > 0;
  });
  return isWaiting ? "waiting" : finishTransfer(ports, { ...transfer, state: "received" });
}

/** What the organisation said of each item so far. Returns how many it has still to decide. */
async function recordOutcomes(
  w: Writer,
  transfer: Transfer,
  { manifest, receipt, now }: { manifest: Manifest; receipt: Receipt; now: Date },
): Promise<number> {
  const known = await w.transfers.items(transfer.id, { limit: manifest.items.length + manifest.omissions.length });
  const outcomes = outcomesOf(
    manifest,
    receipt,
    known.filter((item) => !manifest.omissions.some((one) => itemName(one) === itemName(item))),
  );
  const open = new Set(known.filter(({ state }) => state === "sent").map(itemName));
  const decided = outcomes.filter((one) => one.outcome !== "waiting" && open.has(itemName(one)));
  const marks = decided.map(({ dataset, key, outcome, reason }) =>
    outcome === "accepted"
      ? { dataset, key, state: "stored" as const }
      : { dataset, key, state: "omitted" as const, reason: reason ?? "refused_by_destination" },
  );
  if (marks.length > 0) await w.deliveries.markItems(transfer.id, transfer.epoch, marks);
  const count = (outcome: "accepted" | "refused"): number => decided.filter((one) => one.outcome === outcome).length;
  if (decided.length > 0)
    await w.deliveries.addEvent(transfer.id, now, {
      kind: "proposal_decided",
      actor: "holder",
      details: { accepted: count("accepted"), refused: count("refused") },
    });
  return outcomes.filter(({ outcome }) => outcome === "waiting").length;
}

/** A transfer that was paused after its manifest begins anew in its states: it passes those that it had behind it. */
async function standAsDelivered({ transfer, write }: Attempt): Promise<void> {
  const { id, epoch, state } = transfer;
  const behind = (["fetching", "delivering"] as const).indexOf(state as "fetching" | "delivering");
  if (behind < 0) return;
  await write(async (w) => {
    for (const next of (["delivering", "delivered"] as const).slice(behind)) await w.deliveries.change(id, epoch, { state: next });
  });
}

/** What moved, and what it is of everything. */
type Delivered = Moved & { increment?: Increment };

async function signManifest(ports: RunPorts, attempt: Attempt, moved: Delivered = { marks: [], whole: null }): Promise<string> {
  const { transfer } = attempt;
  const { marks } = moved;
  // What the store knows is only whole with what was not written down yet.
  if (moved.whole === null && marks.length > 0) await attempt.record(marks.splice(0));
  const contents = moved.whole?.contents ?? (await ports.store.read((r) => contentsOf(r, transfer.id)));
  const { manifest, stands, events } = manifestOf(ports, attempt, contents, moved.increment);
  const jws = await ports.signer.signDocument(MANIFEST_TYPE, manifest);
  const delivered = { kind: "delivered", actor: "relais", details: deliveredIn(manifest) } as const;
  const document = { id: newId("document"), kind: "manifest", jws } as const;
  try {
    await attempt.step({ state: "delivered", events: [...events, delivered], marks, document, stands });
  } catch (error) {
    // Stopped meanwhile: what moved is a fact all the same.
    if (marks.length > 0 && asRelaisError(error).code === "lease_lost") await attempt.record(marks);
    throw error;
  }
  return jws;
}

/** Not signed yet, and where the data sets stand with it. */
export function manifestOf(
  { issuer, clock }: Pick<RunPorts, "issuer" | "clock">,
  attempt: Attempt,
  contents: Pick<Manifest, "items" | "omissions">,
  increment: Pick<Increment, "settle"> | undefined,
): { manifest: Manifest; stands: Stand[]; events: NewEvent[] } {
  const { deletions = [], stands = [], events = [] } = increment?.settle(contents) ?? {};
  const head = { iss: issuer, iat: Math.floor(clock.now().getTime() / 1000), ...headOf(attempt) };
  return { manifest: { ...head, ...contents, ...(deletions.length > 0 ? { deletions } : {}) }, stands, events };
}

/** Copies are counted beside what they were made from. */
export function deliveredIn({ items, omissions }: Pick<Manifest, "items" | "omissions">): Record<string, number> {
  const copies = items.filter((item) => item.made_from !== undefined).length;
  return { items: items.length - copies, omissions: omissions.length, ...(copies > 0 ? { copies } : {}) };
}

const PAGE = 2000;

async function contentsOf(r: Reader, id: Transfer["id"]): Promise<Pick<Manifest, "items" | "omissions">> {
  const items: Manifest["items"] = [];
  const omissions: Manifest["omissions"] = [];
  let after: { dataset: string; key: string } | undefined;
  for (;;) {
    const page: TransferItem[] = await r.transfers.items(id, { limit: PAGE, ...(after ? { after } : {}) });
    for (const item of page) {
      if (item.state === "sent" || item.state === "stored")
        items.push({
          dataset: item.dataset,
          key: item.key,
          media_type: item.mediaType,
          bytes: item.bytes ?? 0,
          "sha-256": item.sha256 as string,
          ...made(item.madeFrom),
        });
      else omissions.push({ dataset: item.dataset, key: item.key, reason: item.reason ?? "not_available", ...made(item.madeFrom) });
    }
    after = page.at(-1);
    if (page.length < PAGE) return { items, omissions };
  }
}

/** The receipt of a destination that says it has what was handed over, compared with it. @throws RelaisError `peer_protocol`. */
export async function receiptOf(
  ports: RunPorts,
  attempt: Attempt,
  parts: { manifest: Manifest; manifestJws: string; proof: Exclude<Proof, { kind: "waiting" }> },
): Promise<{ receipt: Receipt; jws: string }> {
  const { manifest, manifestJws, proof } = parts;
  const expected = {
    transfer: manifest.transfer,
    consent: manifest.consent,
    source: manifest.source,
    destination: manifest.destination,
    manifest: sha256(manifestJws),
  };
  if (proof.kind === "observed") {
    const receipt: Receipt = {
      iss: ports.issuer,
      iat: Math.floor(ports.clock.now().getTime() / 1000),
      ...expected,
      observed: true,
      items: proof.items,
      omissions: [],
      ...(manifest.deletions ? { deletions: manifest.deletions.map((one) => ({ ...one, outcome: "kept" as const })) } : {}),
    };
    return { receipt, jws: await ports.signer.signDocument(RECEIPT_TYPE, receipt) };
  }
  const receipt = await ports.verifier.verifyReceipt(proof.jws, attempt.standing.destination.keys);
  assertSame(receipt, { iss: manifest.destination, ...expected, observed: false });
  return { receipt, jws: proof.jws };
}

/** @throws RelaisError `peer_protocol` naming what the receipt says otherwise. */
export function assertSame(receipt: Receipt, expected: Partial<Receipt>): void {
  const wrong = (Object.keys(expected) as (keyof Receipt)[]).filter((member) => receipt[member] !== expected[member]);
  if (wrong.length === 0) return;
  throw new RelaisError(
    "peer_protocol",
    `The platform's receipt speaks of another ${wrong.join(", ")}. The platform must sign a receipt for this transfer.`,
    { actor: "platform" },
  );
}
