import { createHash, type Hash } from "node:crypto";
import { RelaisError } from "../../src/core/errors.ts";
import { itemName, type Bytes, type Destination, type Draft, type ItemToStore, type Opening } from "../../src/core/transfer/adapter.ts";
import { INCOMING, itemSegments, LAYOUT_ROOT, sourceSlug, typesSegments, writeTypes } from "../../src/core/transfer/folder-layout.ts";
import { assertItemKey } from "../../src/core/transfer/item-key.ts";
import { sha256, type Manifest } from "../../src/core/transfer/manifest.ts";
import { readBack } from "../../src/core/transfer/read-back.ts";
import { openFolder, type Folder } from "./folder.ts";
import { typesAt } from "./source.ts";

/** One transfer into one folder: where it lands, and where it waits until it is whole. */
interface Landing {
  folder: Folder;
  slug: string;
  incoming: string[];
  makeFolder(segments: readonly string[]): Promise<void>;
}

/** Items arrive under `relais/_incoming/` and are moved to their name once they are whole and hashed. */
export function openDestination(opening: Opening, draft: Draft["manifest"]): Destination {
  const folder = openFolder(opening);
  const landing: Landing = {
    folder,
    slug: sourceSlug(draft.source),
    incoming: [LAYOUT_ROOT, INCOMING, draft.transfer],
    makeFolder: folderMaker(folder),
  };
  const clean = (by: Folder): Promise<void> => by.remove(by.urlOf(landing.incoming, "folder"));
  return {
    announce: async ({ datasets }) => {
      await refuseWithoutRoom(
        folder,
        datasets.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
      );
      return new Map();
    },
    put: async (item, body) => {
      assertItemKey(item.key);
      await publish(landing, itemSegments(landing.slug, item.dataset, item.key), item, body);
    },
    complete: async (manifest) => {
      // A second call finds `_incoming` cleaned away: folders are looked at again.
      await noteTypes({ ...landing, makeFolder: folderMaker(folder) }, manifest);
      await clean(folder);
      const items = await readBack(manifest.items, (item) => folder.read(folder.urlOf(itemSegments(landing.slug, item.dataset, item.key))));
      return { kind: "observed", items };
    },
    stop: () => patiently(opening.clock, () => clean(openFolder({ ...opening, fetch: opening.farewell }))),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** A server that still holds the broken upload open refuses to remove it, and says so in its own way: it is asked again, a few times. */
async function patiently(clock: Opening["clock"], act: () => Promise<void>, pauses: readonly number[] = [100, 400, 1500]): Promise<void> {
  try {
    await act();
  } catch (refusal) {
    const [pause, ...later] = pauses;
    if (pause === undefined) throw refusal;
    await clock.sleep(pause, new AbortController().signal);
    await patiently(clock, act, later);
  }
}

/** Also the proof that the folder opens. A server without quotas (RFC 4331) says nothing, or a negative number. */
async function refuseWithoutRoom(folder: Folder, bytes: number): Promise<void> {
  const [described] = await folder.describe(folder.urlOf([], "folder"), 0, "<resourcetype/><quota-available-bytes/>");
  const fits = Number(described?.properties.get("quota-available-bytes") || Number.NaN);
  if (!Number.isSafeInteger(fits) || fits < 0 || bytes <= fits) return;
  throw new RelaisError("too_large", "The platform has no room for all of it. The person should make room there.", {
    actor: "person",
    details: { fits },
  });
}

/** Makes each folder once, however many items ask for it at the same time. Most of them have a parent already: it is made where it is missing. */
function folderMaker(folder: Folder): Landing["makeFolder"] {
  const made = new Map<string, Promise<void>>();
  const make = async (segments: readonly string[]): Promise<void> => {
    const isRoot = segments.length === 1;
    // 405: it is there already. 409, and with some servers 404: its parent is not (RFC 4918 §9.3.1).
    const answer = await folder.ask({ method: "MKCOL", url: folder.urlOf(segments, "folder") }, isRoot ? [201, 405] : [201, 405, 409, 404]);
    await answer.drop();
    if (answer.status !== 409 && answer.status !== 404) return;
    await ensure(segments.slice(0, -1));
    await (await folder.ask({ method: "MKCOL", url: folder.urlOf(segments, "folder") }, [201, 405])).drop();
  };
  const ensure = (segments: readonly string[]): Promise<void> => {
    const name = segments.join("/");
    const known = made.get(name);
    if (known) return known;
    const making = make(segments);
    made.set(name, making);
    making.catch(() => made.delete(name));
    return making;
  };
  return ensure;
}

/** Whole or not at all: under a name of its own first, then moved over the final one. */
async function publish(landing: Landing, target: string[], item: ItemToStore, body: Bytes | Uint8Array): Promise<void> {
  const { folder, incoming, makeFolder } = landing;
  await makeFolder(incoming);
  await makeFolder(target.slice(0, -1));
  const waiting = folder.urlOf([...incoming, sha256(itemName(item))]);
  const tally = new Tally(item);
  const headers = { "content-type": item.mediaType, ...(item.bytes === null ? {} : { "content-length": String(item.bytes) }) };
  await (
    await folder.ask(
      { method: "PUT", url: waiting, headers, body: body instanceof Uint8Array ? tally.of(body) : tally.past(body) },
      [200, 201, 204],
    )
  ).drop();
  if (!tally.isWhole()) {
    await folder.remove(waiting);
    throw new RelaisError("digest_mismatch", "The bytes of an item are not those that its source announced. Relais reads it again.");
  }
  const move = { destination: folder.urlOf(target), overwrite: "T" };
  await (await folder.ask({ method: "MOVE", url: waiting, headers: move }, [200, 201, 204])).drop();
}

/** Counts what flows past, and hashes it where there is a digest to hold it against: a third of all hashing of a large file was for nothing. */
class Tally {
  #bytes = 0;
  readonly #announced: ItemToStore;
  readonly #hash: Hash | null;

  constructor(announced: ItemToStore) {
    this.#announced = announced;
    this.#hash = announced.sha256 === null ? null : createHash("sha256");
  }

  of(bytes: Uint8Array): Uint8Array {
    this.#bytes += bytes.length;
    this.#hash?.update(bytes);
    return bytes;
  }

  async *past(body: Bytes): Bytes {
    for await (const chunk of body) yield this.of(chunk);
  }

  /** All of it, and nothing else, as far as was announced. */
  isWhole(): boolean {
    const { bytes, sha256: digest } = this.#announced;
    return (bytes === null || bytes === this.#bytes) && (this.#hash === null || this.#hash.digest("base64url") === digest);
  }
}

/** WebDAV servers guess media types by the ending of a name: the true ones are noted beside the data set. */
async function noteTypes(landing: Landing, manifest: Manifest): Promise<void> {
  for (const dataset of new Set(manifest.items.map((item) => item.dataset))) {
    const types = await typesAt(landing.folder, landing.slug, dataset);
    const others = manifest.items.filter((item) => item.dataset === dataset && types.get(item.key) !== item.media_type);
    if (others.length === 0) continue;
    for (const item of others) types.set(item.key, item.media_type);
    const target = typesSegments(landing.slug, dataset);
    const body = new TextEncoder().encode(writeTypes(types));
    const note = { dataset: "_types", key: dataset, mediaType: "application/json", bytes: body.length, sha256: sha256(body) };
    await publish(landing, target, note, body);
  }
}
