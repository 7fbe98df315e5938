import { asRelaisError, RelaisError, type ErrorCode } from "../errors.ts";
import type { Bytes, Destination, ItemToStore, Source, SourceItem } from "./adapter.ts";
import { measured, measureOf } from "./measured-bytes.ts";
import type { OmissionReason } from "./manifest.ts";

export type ItemOutcome =
  | { kind: "sent"; dataset: string; key: string; bytes: number; sha256: string }
  | { kind: "omitted"; dataset: string; key: string; reason: OmissionReason };

interface Ends {
  source: Source;
  destination: Pick<Destination, "put">;
  needsDigest: boolean;
  maxItemBytes: number;
  /** Asked before the bytes start to move. */
  mayMoveData(): Promise<void>;
}

/** Known to be at most this, an item is taken whole before it is handed on: one write instead of three, and nothing begun for bytes that are not what was announced. */
const SMALL_BYTES = 64 * 1024;

/** How often an item whose bytes were not those announced is read again: the source may just have replaced it. */
const TRIES = 2;

/**
 * What a failure at one item means: this item does not move (its reason), or the whole attempt stops (`null`).
 * The first word is for a failure of the source, the second for one of the destination.
 */
const MEANINGS = {
  not_found: ["not_available", null],
  digest_mismatch: ["changed", "changed"],
  too_large: ["too_large", "too_large"],
  unsupported: ["unsupported", "unsupported"],
  method_not_allowed: [null, null],
  invalid: ["refused_by_source", "refused_by_destination"],
  peer_refused: ["refused_by_source", "refused_by_destination"],
  peer_protocol: ["refused_by_source", null],
  forbidden: [null, null],
  unauthenticated: [null, null],
  consent_missing: [null, null],
  consent_ended: [null, null],
  patience_over: [null, null],
  not_accredited: [null, null],
  condition_unmet: [null, null],
  assurance_too_low: [null, null],
  conflict: [null, null],
  request_running: [null, null],
  stale: [null, null],
  idempotency_mismatch: [null, null],
  peer_unavailable: [null, null],
  rate_limited: [null, null],
  lease_lost: [null, null],
  stopped: [null, null],
  unavailable: [null, null],
  internal: [null, null],
} as const satisfies Record<ErrorCode, readonly [OmissionReason | null, OmissionReason | null]>;

/** Moves one item, or says why it does not move. @throws what concerns the whole attempt. */
export async function deliverItem(ends: Ends, item: SourceItem): Promise<ItemOutcome> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await moveOnce(ends, item);
    } catch (error) {
      const { side, failure } = sided(error);
      const reason = MEANINGS[failure.code][side === "source" ? 0 : 1];
      if (reason === null) throw failure;
      if (failure.code === "digest_mismatch" && attempt < TRIES) continue;
      return { kind: "omitted", dataset: item.dataset, key: item.key, reason };
    }
  }
}

async function moveOnce(ends: Ends, item: SourceItem): Promise<ItemOutcome> {
  const announced = await announcedOf(ends, item);
  await ends.mayMoveData();
  const passing = measured(await atSource(() => bytesOf(ends.source, item)), announced, ends.maxItemBytes);
  const target: ItemToStore = { dataset: item.dataset, key: item.key, mediaType: item.mediaType, ...announced };
  try {
    await ends.destination.put(target, item.content ?? (isSmall(announced) ? await wholeOf(passing.body) : passing.body));
  } catch (error) {
    throw passing.measure.failure ? new AtSource(passing.measure.failure) : error;
  }
  // A destination that held the item already may leave its body unread; then the announced measure stands.
  return {
    kind: "sent",
    dataset: item.dataset,
    key: item.key,
    bytes: item.content?.byteLength ?? passing.measure.bytes,
    sha256: item.sha256 ?? passing.measure.sha256 ?? (announced.sha256 as string),
  };
}

/** A destination that wants the digest first, from a source that does not say it: read once to know, read again to send. */
async function announcedOf(ends: Ends, item: SourceItem): Promise<{ bytes: number | null; sha256: string | null }> {
  if (item.bytes !== null && item.bytes > ends.maxItemBytes) {
    throw new AtSource(
      new RelaisError("too_large", "An item is larger than Relais carries. The operator can raise the limit.", { actor: "operator" }),
    );
  }
  if (!ends.needsDigest || (item.sha256 !== null && item.bytes !== null)) return { bytes: item.bytes, sha256: item.sha256 };
  await ends.mayMoveData();
  return atSource(async () => measureOf(await bytesOf(ends.source, item), item, ends.maxItemBytes));
}

function isSmall({ bytes }: { bytes: number | null }): boolean {
  return bytes !== null && bytes <= SMALL_BYTES;
}

async function wholeOf(body: Bytes): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}

async function bytesOf(source: Source, item: SourceItem): Promise<Bytes> {
  return item.content === null ? source.read(item) : once(item.content);
}

async function* once(bytes: Uint8Array): Bytes {
  yield bytes;
}

/** Marks a failure as the source's. */
class AtSource extends Error {
  readonly failure: RelaisError;
  constructor(failure: RelaisError) {
    super(failure.message);
    this.failure = failure;
  }
}

async function atSource<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new AtSource(asRelaisError(error));
  }
}

function sided(error: unknown): { side: "source" | "destination"; failure: RelaisError } {
  if (error instanceof AtSource) return { side: "source", failure: error.failure };
  return { side: "destination", failure: asRelaisError(error) };
}
