import { createHash, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { RelaisError } from "../../core/errors.ts";
import { type Manifest, MANIFEST_TYPE, type Receipt, type ReceiptItem, RECEIPT_TYPE, sha256 } from "../../core/transfer/manifest.ts";
import type { OwnKey } from "../peer/own-keys.ts";
import type { Relais } from "../peer/relais.ts";
import { assertSameEnds } from "./announced-ends.ts";
import { applyDeletions, type DeletionPorts } from "./deletions.ts";
import type { KeptItem } from "./shelves.ts";
import { type Announcement, assertOpen, type Incoming, type TransferItem, type Transfers } from "./transfers.ts";

/** As Relais announces it: `subject` is our own name of the account. */
export type Announced = Omit<Announcement, "account"> & { subject: string; action?: unknown };

export type Sent = Pick<KeptItem, "dataset" | "key" | "mediaType" | "bytes" | "sha256"> & { transfer: string };

/** What arrives, from the announcement to the receipt. */
export interface Intake {
  /** False where it is known already. @throws RelaisError `not_found`, `conflict`, `too_large` with what fits. */
  announce(announced: Announced): boolean;
  /** Takes a body to its end. False where it was held with this digest. @throws RelaisError `digest_mismatch`, `too_large`, `conflict`; nothing is stored then. */
  put(sent: Sent, body: Readable): Promise<boolean>;
  look(transfer: string, page: NonNullable<Parameters<Transfers["items"]>[1]>): { state: Incoming["state"]; items: TransferItem[] };
  /** The signed receipt; for the same manifest, the same one again. */
  complete(transfer: string, manifestJws: string): Promise<string>;
  stop(transfer: string): void;
}

export interface IntakePorts extends DeletionPorts {
  entityId: string;
  drafts: string;
  /** Room for one account, in bytes. */
  capacity: number;
  hasAccount: (account: string) => boolean;
  transfers: Transfers;
  relais: Relais;
  key: OwnKey;
}

export function createIntake(ports: IntakePorts): Intake {
  const completions = new Map<string, Promise<unknown>>();
  return {
    announce: (announced) => announce(ports, announced),
    put: (sent, body) => put(ports, sent, body),
    look: (transfer, page) => ({ state: ports.transfers.get(transfer).state, items: ports.transfers.items(transfer, page) }),
    complete: (transfer, jws) => {
      // One at a time for a transfer: two calls with one manifest get one receipt.
      const done = (completions.get(transfer) ?? Promise.resolve()).catch(() => undefined).then(() => complete(ports, transfer, jws));
      completions.set(transfer, done);
      return done.finally(() => completions.get(transfer) === done && completions.delete(transfer));
    },
    stop: (transfer) => {
      ports.transfers.get(transfer);
      ports.transfers.stop(transfer);
    },
  };
}

function announce(
  { entityId, hasAccount, capacity, shelves, transfers }: IntakePorts,
  { subject, action, ...announced }: Announced,
): boolean {
  if (action !== undefined)
    throw new RelaisError("invalid", "This platform keeps what it is sent; it takes no proposals.", { pointers: ["/action"] });
  if (announced.destination !== entityId) throw new RelaisError("invalid", "This transfer is for another destination.");
  if (!hasAccount(subject))
    throw new RelaisError("not_found", "There is no such account here. The person can link the account again.", { actor: "person" });
  const expected = announced.datasets.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  const room =
    capacity -
    shelves
      .all(subject)
      .filter((item) => !announced.datasets.some(({ dataset }) => dataset === item.dataset))
      .reduce((sum, item) => sum + item.bytes, 0);
  if (expected > room)
    throw new RelaisError("too_large", "There is no room for all of it. The person can choose fewer data sets, or make room.", {
      actor: "person",
      details: { fits: { bytes: Math.max(room, 0) } },
    });
  return transfers.announce({ ...announced, account: subject });
}

async function put(ports: IntakePorts, sent: Sent, body: Readable): Promise<boolean> {
  const { transfers, shelves, ledger } = ports;
  const incoming = transfers.get(sent.transfer);
  assertOpen(incoming);
  assertAnnounced(ports, incoming, sent);
  const held = shelves.find(incoming.account, sent.dataset, sent.key);
  assertRoom(ports, incoming, sent.bytes - (held?.bytes ?? 0));
  const draft = await receive(ports.drafts, sent, body);
  try {
    const { transfer, ...named } = sent;
    const file = await shelves.shelve(draft, { ...named, account: incoming.account });
    const replaced = transfers.keep(transfer, {
      ...named,
      account: incoming.account,
      source: incoming.source,
      file,
      storedAt: new Date().toISOString(),
    });
    if (replaced !== null && replaced.file !== file) await shelves.drop(replaced.file);
  } finally {
    await unlink(draft).catch(() => undefined);
  }
  ledger.note({ event: "stored", transfer: sent.transfer, dataset: sent.dataset, key: sent.key, digest: sent.sha256, bytes: sent.bytes });
  return held?.sha256 !== sent.sha256;
}

function assertAnnounced({ transfers }: IntakePorts, incoming: Incoming, sent: Sent): void {
  const announced = incoming.datasets.find(({ dataset }) => dataset === sent.dataset);
  if (announced === undefined) throw new RelaisError("invalid", "This data set was not announced with the transfer.");
  if (announced.bytes !== null && transfers.bytesBeside(sent.transfer, sent) + sent.bytes > announced.bytes) {
    throw new RelaisError("too_large", "This is more than was announced for the data set. The source must announce its true size.", {
      actor: "holder",
    });
  }
}

function assertRoom({ shelves, capacity }: IntakePorts, { account }: Incoming, more: number): void {
  const room = capacity - shelves.used(account);
  if (more > room)
    throw new RelaisError("too_large", "There is no more room. The person can delete something here, and ask again.", {
      actor: "person",
      details: { fits: { bytes: Math.max(room, 0) } },
    });
}

/** Streams a body to a draft, which exists afterwards only if the bytes are those of the digest. */
async function receive(drafts: string, sent: Sent, body: Readable): Promise<string> {
  const draft = join(drafts, randomUUID());
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    await pipeline(
      body,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          bytes += chunk.length;
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(draft, { flags: "wx", mode: 0o600 }),
    );
    if (bytes === sent.bytes && hash.digest("base64url") === sent.sha256) return draft;
    throw new RelaisError(
      "digest_mismatch",
      "The bytes are not those of the Content-Digest. Nothing was stored; read the item again from its source.",
    );
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    throw error;
  }
}

async function complete(ports: IntakePorts, transfer: string, jws: string): Promise<string> {
  const incoming = ports.transfers.get(transfer);
  const digest = sha256(jws);
  if (incoming.receipt !== null && incoming.manifest === digest) return incoming.receipt;
  if (incoming.state === "complete") throw new RelaisError("conflict", "This transfer was completed with another manifest.");
  assertOpen(incoming);
  const manifest = (await ports.relais.verifyDocument(jws, MANIFEST_TYPE)) as unknown as Manifest;
  assertSameEnds(ports.relais.issuer, incoming, manifest);
  const deletions = await applyDeletions(ports, incoming, manifest);
  const receipt = await ports.key.sign(RECEIPT_TYPE, { ...(await receiptFor(ports, incoming, manifest, digest)), ...deletions });
  ports.transfers.complete(transfer, digest, receipt);
  return receipt;
}

/** Says what is on the disk now, not what the manifest or the index say. */
async function receiptFor(ports: IntakePorts, incoming: Incoming, manifest: Manifest, digest: string): Promise<Receipt> {
  const items: ReceiptItem[] = [];
  for (const { dataset, key } of ports.transfers.items(incoming.transfer)) {
    const kept = ports.shelves.find(incoming.account, dataset, key);
    const stored = kept && (await ports.shelves.measure(kept));
    if (stored) items.push({ dataset, key, bytes: stored.bytes, "sha-256": stored.sha256 });
  }
  const { transfer, consent, source, destination } = manifest;
  return {
    iss: ports.entityId,
    iat: Math.floor(Date.now() / 1000),
    transfer,
    consent,
    source,
    destination,
    manifest: digest,
    observed: false,
    items,
    omissions: manifest.omissions,
  };
}
