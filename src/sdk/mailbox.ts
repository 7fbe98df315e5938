import { CompactSign, importJWK, type JWK } from "jose";
import type { Bytes } from "../core/transfer/adapter.ts";
import {
  RECEIPT_TYPE,
  sha256,
  type Manifest,
  type ManifestItem,
  type Omission,
  type Receipt,
  type ReceiptItem,
} from "../core/transfer/manifest.ts";
import { verifyDocument } from "./documents.ts";
import { openPackage, PACKAGE_TYPE, PackageError, type Measure, type OpenedPackage, type SigningKey } from "./packages.ts";

/**
 * For a platform without an address: fetches what waits for it at Relais, opens it, and acknowledges it by a signed receipt (docs/mailbox.md). It
 * brings no client of its own: `call` sends a request of the platform's, with its access token of the scope `register` and a DPoP proof.
 */
export type MailboxCall = (
  method: "GET" | "PUT",
  path: string,
  sent?: { headers?: Record<string, string>; body?: string },
) => Promise<{
  status: number;
  headers: { get(name: string): string | null };
  body: AsyncIterable<Uint8Array> | null;
  text(): Promise<string>;
}>;

export interface MailboxOwner {
  entityId: string;
  /** Private, `use: enc`, each with its `kid`: the one that is published now, and those that were before. */
  sealingKeys: readonly JWK[];
  /** Of your published `oauth_client.jwks`: signs receipts. */
  signingKey: SigningKey;
  /** Public keys of Relais, and of holders that seal at their side. Asked for each package: remember them, and read them again where `kid` is none of them. */
  keysOf(issuer: string, kid?: string): Promise<JWK[]>;
}

export interface WaitingDelivery {
  transfer: string;
  consent: string;
  source: string;
  /** Your own name of the person. */
  subject: string;
  state: "waiting" | "paused" | "acknowledged" | "expired" | "stopped";
  packages: number;
  bytes: number;
  offered_at: string;
  expires_at: string;
}

export interface WaitingPackage {
  id: string;
  dataset: string;
  key: string;
  media_type: string;
  bytes: number;
}

/** Relais refused, in its own words. */
export class MailboxError extends Error {
  override readonly name = "MailboxError";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Everything in the mailbox, also what ended lately, page by page; with `state` those alone that are to be fetched. */
export async function* deliveriesIn(call: MailboxCall, only: { state?: "waiting" } = {}): AsyncGenerator<WaitingDelivery> {
  for (let cursor: string | null = ""; cursor !== null;) {
    const path = `/v1/mailbox${queryOf({ ...only, cursor })}`;
    const page: { deliveries: WaitingDelivery[]; next: string | null } = await json(call, path);
    yield* page.deliveries;
    cursor = page.next;
  }
}

async function* packagesIn(call: MailboxCall, transfer: string): AsyncGenerator<WaitingPackage> {
  for (let cursor: string | null = ""; cursor !== null;) {
    const path = `/v1/mailbox/${transfer}/packages${queryOf({ cursor })}`;
    const page: { packages: WaitingPackage[]; next: string | null } = await json(call, path);
    yield* page.packages;
    cursor = page.next;
  }
}

function queryOf(members: Record<string, string>): string {
  const given = Object.entries(members).filter(([, value]) => value !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}

/** One item as it is handed to you, proved but for its end: keep it only where `bytes` ended without an error. */
export interface ReceivedItem extends Pick<OpenedPackage, "bytes"> {
  transfer: string;
  subject: string;
  source: string;
  dataset: string;
  key: string;
  mediaType: string;
  /** Who sealed it: Relais, or a holder whose content Relais could not read. */
  sealedBy: string;
}

/**
 * Fetches one delivery, hands each item over to `keep`, and acknowledges all of it. `keep` stores the item, whole and under its name, before it
 * returns; called again for the same one, after a delivery that broke off, it replaces. What cannot be opened, or is not what the
 * manifest names, ends `bytes` with an error and is in the receipt as refused: do not keep it. Returns the receipt: keep it and the manifest.
 * @throws MailboxError, and whatever `keep` throws: nothing is acknowledged then, and the next call begins again.
 */
export async function receiveDelivery(
  call: MailboxCall,
  owner: MailboxOwner,
  delivery: Pick<WaitingDelivery, "transfer" | "consent" | "subject" | "source">,
  keep: (item: ReceivedItem) => Promise<void>,
): Promise<{ manifest: string; receipt: string }> {
  const manifestJws = await (await fine(await call("GET", `/v1/mailbox/${delivery.transfer}/manifest`))).text();
  const checked = await verifyDocument(manifestJws, owner.keysOf);
  if (checked.kind !== "manifest" || checked.payload.transfer !== delivery.transfer || checked.payload.destination !== owner.entityId)
    throw new PackageError("The manifest is for another transfer.");
  const manifest = checked.payload;
  const sent = new Map(manifest.items.map((item) => [nameOf(item), item]));
  const stored: ReceiptItem[] = [];
  const refused: Omission[] = [];
  for await (const waiting of packagesIn(call, delivery.transfer)) {
    const item = sent.get(nameOf(waiting));
    if (item === undefined) continue;
    const outcome = await receiveItem({ call, owner, delivery, manifest }, { waiting, item }, keep);
    if (typeof outcome === "string") refused.push({ dataset: item.dataset, key: item.key, reason: outcome });
    else stored.push(outcome);
  }
  const receipt = await signReceipt(owner, manifest, { manifestJws, stored, refused });
  const headers = { "content-type": `application/${RECEIPT_TYPE}` };
  await fine(await call("PUT", `/v1/mailbox/${delivery.transfer}/receipt`, { headers, body: receipt }));
  return { manifest: manifestJws, receipt };
}

const nameOf = ({ dataset, key }: { dataset: string; key: string }): string => `${dataset}/${key}`;

interface Receiving {
  call: MailboxCall;
  owner: MailboxOwner;
  delivery: Pick<WaitingDelivery, "transfer" | "consent" | "subject" | "source">;
  manifest: Manifest;
}

/** Why it is refused, where it does not open or is not what the manifest names: then it is not kept, and no other item suffers. */
async function receiveItem(
  { call, owner, delivery, manifest }: Receiving,
  { waiting, item }: { waiting: WaitingPackage; item: ManifestItem },
  keep: (item: ReceivedItem) => Promise<void>,
): Promise<ReceiptItem | "refused_by_destination" | "changed"> {
  const { dataset, key } = item;
  const sealed = fetchSealed(call, delivery.transfer, waiting);
  try {
    const opened = await openPackage(sealed, {
      keys: owner.sealingKeys,
      keysOf: async (issuer, kid) => (issuer === manifest.iss || issuer === manifest.source ? owner.keysOf(issuer, kid) : []),
      expected: { aud: owner.entityId, consent: manifest.consent, transfer: manifest.transfer, dataset, key },
    });
    const { media_type: mediaType, iss: sealedBy } = opened.claims;
    // The manifest names what Relais saw: of what a holder sealed, the sealed form alone.
    const measure = opened.measures[item.media_type === PACKAGE_TYPE ? "sealed" : "plain"];
    await keep({ ...delivery, dataset, key, mediaType, sealedBy, bytes: asNamed(opened.bytes, measure, item) });
    if (measure.sha256 === null)
      throw new Error(`What was fetched of ${dataset} was not read to its end: store it whole before you return.`);
    return { dataset, key, bytes: measure.bytes, "sha-256": measure.sha256 };
  } catch (error) {
    if (error instanceof PackageError) return error instanceof ChangedError ? "changed" : "refused_by_destination";
    throw error;
  } finally {
    await sealed.return(undefined);
  }
}

class ChangedError extends PackageError {}

/** Ends without an error only where it is what the manifest names: whoever keeps it keeps nothing else. */
async function* asNamed(bytes: Bytes, measure: Measure, item: ManifestItem): AsyncGenerator<Uint8Array> {
  yield* bytes;
  if (measure.sha256 !== item["sha-256"]) throw new ChangedError("What was sealed is another content than the manifest names.");
}

/** How often a download that breaks off is taken up again where it stood. */
const RESUMES = 5;

/** The sealed bytes; where the connection breaks, the rest is asked for (RFC 9110 §14.2). */
export async function* fetchSealed(
  call: MailboxCall,
  transfer: string,
  { id, bytes }: Pick<WaitingPackage, "id" | "bytes">,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let broken = 0; at < bytes;) {
    const headers: Record<string, string> = at === 0 ? {} : { range: `bytes=${at}-`, "if-range": `"${id}"` };
    const answer = await fine(await call("GET", `/v1/mailbox/${transfer}/packages/${id}`, { headers }));
    if (at > 0 && answer.status !== 206) throw new MailboxError(answer.status, "Relais does not take the download up where it broke off.");
    try {
      for await (const piece of answer.body ?? []) {
        at += piece.byteLength;
        yield piece;
      }
      if (at < bytes) throw new Error("The connection ended before the package did.");
    } catch (error) {
      if (++broken > RESUMES) throw error;
    }
  }
}

async function signReceipt(
  { entityId, signingKey }: MailboxOwner,
  { transfer, consent, source, destination }: Manifest,
  { manifestJws, stored, refused }: { manifestJws: string; stored: ReceiptItem[]; refused: Omission[] },
): Promise<string> {
  const receipt: Receipt = {
    iss: entityId,
    iat: Math.floor(Date.now() / 1000),
    transfer,
    consent,
    source,
    destination,
    manifest: sha256(manifestJws),
    observed: false,
    items: stored,
    omissions: refused,
  };
  const { kid, alg } = signingKey;
  return new CompactSign(new TextEncoder().encode(JSON.stringify(receipt)))
    .setProtectedHeader({ alg, kid, typ: RECEIPT_TYPE })
    .sign(await importJWK(signingKey, alg));
}

type Answer = Awaited<ReturnType<MailboxCall>>;

async function json<T>(call: MailboxCall, path: string): Promise<T> {
  return JSON.parse(await (await fine(await call("GET", path))).text()) as T;
}

async function fine(answer: Answer): Promise<Answer> {
  if (answer.status >= 200 && answer.status < 300) return answer;
  const text = await answer.text();
  throw new MailboxError(answer.status, detailIn(text) ?? `Relais answers ${answer.status}.`);
}

function detailIn(text: string): string | null {
  try {
    return (JSON.parse(text) as { detail?: string }).detail ?? null;
  } catch {
    return null;
  }
}
