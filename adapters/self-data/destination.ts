import { RelaisError } from "../../src/core/errors.ts";
import {
  itemName,
  type Bytes,
  type Destination,
  type Draft,
  type ItemToStore,
  type Opening,
  type OutboundResponse,
  type Proof,
} from "../../src/core/transfer/adapter.ts";
import type { CompactForm } from "../../src/core/transfer/compact-form.ts";
import { contentDigest, MANIFEST_TYPE, RECEIPT_TYPE, sha256, type Manifest } from "../../src/core/transfer/manifest.ts";
import { readHeld } from "./answers.ts";
import { brokenProtocol, refusalOf } from "./failures.ts";

/** A receipt names every item: about 200 bytes each, for as many as a transfer may hold. */
const RECEIPT_BYTES = 64 * 1024 * 1024;
const LOOK_BYTES = 4 * 1024 * 1024;

/** Destination side: every request is signed by the broker (RFC 9421). */
export function openDestination(opening: Opening): Destination {
  let known: { transfer: string; location: string } | null = null;
  const announced = (): { transfer: string; location: string } => {
    if (known !== null) return known;
    throw new RelaisError("internal", "A transfer is announced before anything is sent.");
  };
  return {
    announce: async (draft) => {
      const { location, isNew } = await announce(opening, draft);
      known = { transfer: draft.manifest.transfer, location };
      return isNew ? new Map() : look(opening, known);
    },
    put: (item, body) => put(opening, announced(), item, body),
    complete: (manifest, jws) => complete(opening, announced().location, manifest, jws),
    ...(opening.participant.about.takesCompactForm ? { handOver: (manifest, form) => handOver(opening, manifest, form) } : {}),
    stop: async () => {
      if (known !== null) await stop(opening, known.location);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

type SignedProof = Extract<Proof, { kind: "signed" }>;

interface Signed {
  method: "GET" | "PUT" | "POST" | "DELETE";
  url: string;
  headers?: Record<string, string>;
  body?: Bytes | Uint8Array | string;
  limit?: number;
}

async function send(opening: Opening, { method, url, headers = {}, ...rest }: Signed): Promise<OutboundResponse> {
  const signature = await opening.signedHeaders({ method, url, headers });
  return opening.fetch({ method, url, headers: { ...headers, ...signature }, ...rest });
}

async function announce(opening: Opening, draft: Draft): Promise<{ location: string; isNew: boolean }> {
  const inbox = inboxOf(opening);
  const body = announcementOf(draft);
  const headers = {
    "content-type": "application/json",
    "content-digest": contentDigest(sha256(body)),
    "idempotency-key": `"${draft.manifest.transfer}"`,
  };
  const answer = await send(opening, { method: "POST", url: `${inbox}/transfers`, headers, body });
  const location = answer.headers["location"];
  const isKnown = answer.status === 409 && location !== undefined;
  if (answer.status !== 201 && !isKnown) throw await refusalOf(opening, answer);
  await answer.drop();
  return { location: locationOf(opening, inbox, location), isNew: !isKnown };
}

function announcementOf({ manifest, datasets, expiresAt }: Draft): string {
  const { transfer, consent, source, destination, subject, action } = manifest;
  const counts = datasets.map(({ dataset, items, bytes }) => ({ dataset, items, bytes }));
  return JSON.stringify({ transfer, consent, source, destination, subject, action, datasets: counts, expires: expiresAt.toISOString() });
}

function inboxOf({ participant }: Opening): string {
  const inbox = participant.endpoints.inbox;
  if (inbox === undefined)
    throw new RelaisError("unsupported", "This participant published no inbox endpoint. It must add one to its entity configuration.");
  return inbox.replace(/\/$/, "");
}

function locationOf(opening: Opening, inbox: string, location: string | undefined): string {
  if (location === undefined || !URL.canParse(location, `${inbox}/transfers`))
    throw brokenProtocol(opening, "gives no usable `Location` for the transfer");
  const url = new URL(location, `${inbox}/transfers`);
  if (url.search !== "" || url.hash !== "") throw brokenProtocol(opening, "gives a `Location` with a query or a fragment");
  return url.href.replace(/\/$/, "");
}

/** What the destination holds of this transfer, page by page. */
async function look(opening: Opening, { transfer, location }: { transfer: string; location: string }): Promise<Map<string, string>> {
  const held = new Map<string, string>();
  const seen = new Set<string>();
  for (let cursor: string | null = null; ;) {
    const url: string = cursor === null ? location : `${location}?${new URLSearchParams({ cursor })}`;
    const answer = await send(opening, { method: "GET", url, limit: LOOK_BYTES });
    if (answer.status !== 200) throw await refusalOf(opening, answer);
    const page = readHeld(opening, await answer.text(), { transfer, cursor });
    if (page.state === "stopped")
      throw new RelaisError("conflict", "The platform takes nothing more of this transfer. Start a new one.", { actor: "person" });
    for (const [name, digest] of page.items) held.set(name, digest);
    if (page.next === null) return held;
    if (seen.has(page.next)) throw brokenProtocol(opening, "gives pages that lead back to each other");
    seen.add((cursor = page.next));
  }
}

async function put(
  opening: Opening,
  { transfer, location }: { transfer: string; location: string },
  item: ItemToStore,
  body: Bytes | Uint8Array,
): Promise<void> {
  if (item.bytes === null || item.sha256 === null)
    throw new RelaisError("internal", "This destination needs the length and the digest of an item beforehand.");
  const headers = {
    "content-type": item.mediaType,
    "content-length": String(item.bytes),
    "content-digest": contentDigest(item.sha256),
    "idempotency-key": `"${transfer}/${sha256(itemName(item))}"`,
  };
  const url = `${location}/items/${encodeURIComponent(item.dataset)}/${encodeURIComponent(item.key)}`;
  const answer = await send(opening, { method: "PUT", url, headers, body });
  if (answer.status !== 201 && answer.status !== 204) throw await refusalOf(opening, answer);
  await answer.drop();
}

async function handOver(opening: Opening, manifest: Manifest, { contentType, body }: CompactForm): Promise<SignedProof> {
  const headers = {
    "content-type": contentType,
    "content-length": String(body.length),
    "content-digest": contentDigest(sha256(body)),
    "idempotency-key": `"${manifest.transfer}"`,
  };
  const url = `${inboxOf(opening)}/transfers`;
  return receiptIn(opening, await send(opening, { method: "POST", url, headers, body, limit: RECEIPT_BYTES }));
}

async function complete(opening: Opening, location: string, manifest: Manifest, jws: string): Promise<SignedProof> {
  const headers = {
    "content-type": `application/${MANIFEST_TYPE}`,
    "content-digest": contentDigest(sha256(jws)),
    "idempotency-key": `"${manifest.transfer}/complete"`,
  };
  return receiptIn(opening, await send(opening, { method: "POST", url: `${location}/complete`, headers, body: jws, limit: RECEIPT_BYTES }));
}

async function receiptIn(opening: Opening, answer: OutboundResponse): Promise<SignedProof> {
  if (answer.status !== 200) throw await refusalOf(opening, answer);
  const type = (answer.headers["content-type"] ?? "").split(";")[0];
  const receipt = (await answer.text()).trim();
  if (type !== `application/${RECEIPT_TYPE}` || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(receipt))
    throw brokenProtocol(opening, "answers without a signed receipt");
  return { kind: "signed", jws: receipt };
}

async function stop(opening: Opening, location: string): Promise<void> {
  const answer = await send({ ...opening, fetch: opening.farewell }, { method: "DELETE", url: location });
  if (![204, 404, 409, 410].includes(answer.status)) throw await refusalOf(opening, answer);
  await answer.drop();
}
