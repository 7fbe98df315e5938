import { createHash } from "node:crypto";
import { RelaisError } from "../../src/core/errors.ts";
import type { Bytes, Destination, Draft, ItemToStore, Opening } from "../../src/core/transfer/adapter.ts";
import { itemSegments, sourceSlug, typesSegments, writeTypes } from "../../src/core/transfer/folder-layout.ts";
import { assertItemKey } from "../../src/core/transfer/item-key.ts";
import type { Manifest } from "../../src/core/transfer/manifest.ts";
import { readBack } from "../../src/core/transfer/read-back.ts";
import { openPod, type Pod } from "./pod.ts";

export function openDestination(opening: Opening, draft: Draft["manifest"]): Destination {
  const pod = openPod(opening);
  const slug = sourceSlug(draft.source);
  const broken = new Set<string>();
  return {
    announce: async () => {
      // Shows that the pod opens; Solid tells neither room nor digests.
      await (await pod.ask({ method: "HEAD", url: pod.root }, [200, 404])).drop();
      return new Map();
    },
    put: async (item, body) => {
      refuseReserved(item.key);
      await store(pod, pod.urlOf(itemSegments(slug, item.dataset, item.key)), { item, body, broken });
    },
    complete: async (manifest) => {
      await noteTypes(pod, slug, manifest);
      const items = await readBack(manifest.items, (item) => pod.read(pod.urlOf(itemSegments(slug, item.dataset, item.key))));
      return { kind: "observed", items };
    },
    stop: async () => {
      const last = openPod({ ...opening, fetch: opening.farewell });
      for (const url of broken) await removeLate(last, url, opening.clock);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

const LATE_TRIES = 4;
const LATE_MILLISECONDS = 500;

/** A server may write what it got of a broken request after it answered that nothing was there: it is asked again, for two seconds at most. */
async function removeLate(pod: Pod, url: string, clock: Opening["clock"]): Promise<void> {
  const anyTime = new AbortController().signal;
  for (let tries = 1; !(await pod.remove(url)) && tries < LATE_TRIES; tries++) await clock.sleep(LATE_MILLISECONDS, anyTime);
}

/** Names that a Solid server keeps for access rules and descriptions: writing one could open the pod to others. */
function refuseReserved(key: string): void {
  assertItemKey(key);
  if (!key.split("/").some((part) => /\.(acl|acr|meta)$/i.test(part))) return;
  throw new RelaisError(
    "unsupported",
    "A pod keeps names that end with .acl, .acr or .meta for itself. The sender must give the item another name.",
    { actor: "holder" },
  );
}

interface Storing {
  item: ItemToStore;
  body: Bytes | Uint8Array;
  /** Addresses where a part of an item may lie. */
  broken: Set<string>;
}

/**
 * PUT makes the containers on the way (Solid Protocol §5.3). Solid has no move: bytes that turn out wrong, or that broke
 * off, are taken away again.
 */
async function store(pod: Pod, url: string, { item, body, broken }: Storing): Promise<void> {
  const seen = { bytes: 0, hash: createHash("sha256") };
  const headers = { "content-type": item.mediaType, ...(item.bytes === null ? {} : { "content-length": String(item.bytes) }) };
  try {
    await (
      await pod.ask(
        { method: "PUT", url, headers, body: body instanceof Uint8Array ? tallied(body, seen) : past(body, seen) },
        [200, 201, 204, 205],
      )
    ).drop();
  } catch (error) {
    // A refusal with a status changed nothing there: what the name held before stays.
    const brokeOff = seen.bytes > 0 && !(error instanceof RelaisError && "status" in error.details);
    if (brokeOff && !(await pod.remove(url).catch(() => false))) broken.add(url);
    throw error;
  }
  const isSame =
    (item.bytes === null || item.bytes === seen.bytes) && (item.sha256 === null || item.sha256 === seen.hash.digest("base64url"));
  broken.delete(url);
  if (isSame) return;
  await pod.remove(url);
  throw new RelaisError("digest_mismatch", "The bytes of an item are not those that its source announced. Relais reads it again.");
}

interface Seen {
  bytes: number;
  hash: ReturnType<typeof createHash>;
}

function tallied(body: Uint8Array, seen: Seen): Uint8Array {
  seen.bytes = body.length;
  seen.hash.update(body);
  return body;
}

async function* past(body: Bytes, seen: Seen): Bytes {
  for await (const chunk of body) {
    seen.bytes += chunk.length;
    seen.hash.update(chunk);
    yield chunk;
  }
}

/** Media types beside each data set: a source need not ask for each resource, and another server may have forgotten them. */
async function noteTypes(pod: Pod, slug: string, manifest: Manifest): Promise<void> {
  for (const dataset of new Set(manifest.items.map((item) => item.dataset))) {
    const types = await pod.typesOf(slug, dataset);
    for (const item of manifest.items) if (item.dataset === dataset) types.set(item.key, item.media_type);
    const url = pod.urlOf(typesSegments(slug, dataset));
    await (
      await pod.ask({ method: "PUT", url, headers: { "content-type": "application/json" }, body: writeTypes(types) }, [200, 201, 204, 205])
    ).drop();
  }
}
