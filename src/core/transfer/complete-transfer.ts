import { RelaisError } from "../errors.ts";
import { newId } from "../ids.ts";
import { awaitReceipt } from "../mailbox/await-receipt.ts";
import type { Reader, Writer } from "../ports.ts";
import { itemName, type Destination, type Proof } from "./adapter.ts";
import type { Attempt } from "./attempt.ts";
import { MANIFEST_TYPE, RECEIPT_TYPE, sha256, type Manifest, type Receipt } from "./manifest.ts";
import { headOf } from "./open-ends.ts";
import { outcomesOf, waitOn } from "./proposal.ts";
import type { RunPorts } from "./run-ports.ts";
import type { Transfer, TransferItem } from "./transfer.ts";

/**
 * Signs what was sent, keeps it, hands it over, and keeps the destination's proof. The manifest is written before it is handed over:
 * after a crash the same one is handed over again, never a second one. `waiting`: of what was proposed, something is still to be decided.
 */
export async function completeTransfer(ports: RunPorts, attempt: Attempt, destination: Destination): Promise<"decided" | "waiting"> {
  const stored = await storedManifest(ports, attempt.transfer.id);
  if (stored !== null) await standAsDelivered(attempt);
  const manifestJws = stored ?? (await signManifest(ports, attempt));
  const manifest = payloadOf(manifestJws) as Manifest;
  await attempt.mayMoveData();
  const proof = await destination.complete(manifest, manifestJws);
  if (proof.kind === "waiting")
    return attempt.write((w) => awaitReceipt(w, attempt.transfer, { until: proof.until, now: ports.clock.now() }));
  const { receipt, jws } = await receiptOf(ports, attempt, { manifest, manifestJws, proof });
  const now = ports.clock.now();
  return attempt.write(async (w) => {
    const waiting = manifest.action === "propose" ? await recordOutcomes(w, attempt.transfer, { manifest, receipt, now }) : 0;
    if (waiting === 0)
      await w.deliveries.addDocument({ id: newId("document"), transferId: attempt.transfer.id, kind: "receipt", jws, createdAt: now });
    if (attempt.transfer.state !== "received") {
      await w.deliveries.change(attempt.transfer.id, attempt.transfer.epoch, { state: "received" });
      await w.deliveries.addEvent(attempt.transfer.id, now, {
        kind: "receipt_received",
        actor: receipt.observed ? "relais" : manifest.action === "propose" ? "holder" : "platform",
        details: { items: receipt.items.length, observed: receipt.observed, ...(waiting > 0 ? { waiting } : {}) },
      });
    }
    if (waiting === 0) return "decided";
    await waitOn(w, attempt.transfer, now);
    return "waiting";
  });
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

/** Whether everything was handed over by an earlier attempt: its manifest stands, also where the transfer was paused since. */
export async function isSigned(ports: Pick<RunPorts, "store">, id: Transfer["id"]): Promise<boolean> {
  return (await storedManifest(ports, id)) !== null;
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

async function signManifest(ports: RunPorts, attempt: Attempt): Promise<string> {
  const { transfer } = attempt;
  const now = ports.clock.now();
  const contents = await ports.store.read((r) => contentsOf(r, transfer.id));
  const manifest: Manifest = {
    iss: ports.issuer,
    iat: Math.floor(now.getTime() / 1000),
    ...headOf(attempt),
    ...contents,
  };
  const jws = await ports.signer.signDocument(MANIFEST_TYPE, manifest);
  await attempt.write(async (w) => {
    await w.deliveries.addDocument({ id: newId("document"), transferId: transfer.id, kind: "manifest", jws, createdAt: now });
    await w.deliveries.change(transfer.id, transfer.epoch, { state: "delivered" });
    await w.deliveries.addEvent(transfer.id, now, {
      kind: "delivered",
      actor: "relais",
      details: { items: manifest.items.length, omissions: manifest.omissions.length },
    });
  });
  return jws;
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
        });
      else omissions.push({ dataset: item.dataset, key: item.key, reason: item.reason ?? "not_available" });
    }
    after = page.at(-1);
    if (page.length < PAGE) return { items, omissions };
  }
}

async function receiptOf(
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

async function storedManifest(ports: Pick<RunPorts, "store">, id: Transfer["id"]): Promise<string | null> {
  const documents = await ports.store.read((r) => r.transfers.documents(id));
  return documents.find(({ kind }) => kind === "manifest")?.jws ?? null;
}

/** The payload of a document that was verified or signed here before. */
export function payloadOf(jws: string): unknown {
  return JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString("utf8"));
}
