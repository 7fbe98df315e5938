import { canonicalJson } from "../canonical-json.ts";
import { asRelaisError, type ErrorCode } from "../errors.ts";
import { newId } from "../ids.ts";
import type { NewEvent } from "./transfer-records.ts";
import { itemName, type DatasetCount, type Destination, type SourceItem } from "./adapter.ts";
import { beginDelivering, type Attempt } from "./attempt.ts";
import type { Mark, Step } from "./attempt-records.ts";
import { COMPACT_BYTES, COMPACT_ITEMS, writeCompactForm, type CompactItem } from "./compact-form.ts";
import { deliveredIn, manifestOf, receiptOf } from "./complete-transfer.ts";
import { deliverItem } from "./deliver-item.ts";
import { collectInto, contentsOf, headsOf, inParallel, pagesOf, wholeOf, type Limits, type Whole } from "./deliver-items.ts";
import { finishAttempt } from "./finish-transfer.ts";
import { isMediaType } from "./folder-layout.ts";
import type { Increment } from "./increment.ts";
import { MANIFEST_TYPE, payloadOf, type Manifest } from "./manifest.ts";
import type { RunPorts } from "./run-ports.ts";

/** The platform looked at the request and took none of it: step by step it says of each item why. */
const REFUSALS: ErrorCode[] = ["unsupported", "too_large", "digest_mismatch", "peer_refused"];

interface Ends {
  /** Lists what there is to bring, and says what it is of everything. */
  increment: Pick<Increment, "source" | "settle">;
  destination: Destination;
  /** As the source counted. */
  datasets: DatasetCount[];
  concurrency: number;
  limits: Limits;
}

/**
 * Hands over everything in one request where it is little and the destination takes that. Null where it is not, or where the destination took none
 * of it: then the long form begins, under the same manifest where one is signed. What is signed is written down before it is sent, and its items
 * are `listed` until the receipt came: so a later attempt knows what is still to be sent.
 */
export async function deliverCompact(ports: RunPorts, attempt: Attempt, ends: Ends): Promise<"verified" | "partial" | null> {
  const { handOver } = ends.destination;
  if (handOver === undefined || attempt.standing.consent.action !== "copy") return null;
  const parcel = await gather(attempt, ends);
  const manifestJws = parcel && (await signedFor(ports, attempt, parcel, ends.increment));
  if (parcel === null || manifestJws === null) return null;
  const form = writeCompactForm(manifestJws, parcel.items);
  if (form.body.length > COMPACT_BYTES) return null;
  const manifest = payloadOf(manifestJws) as Manifest;
  await attempt.mayMoveData();
  try {
    const proof = await handOver(manifest, form);
    const proven = await receiptOf(ports, attempt, { manifest, manifestJws, proof });
    return await finish(ports, attempt, { manifest, whole: parcel.whole, ...proven });
  } catch (error) {
    if (REFUSALS.includes(asRelaisError(error).code)) return null;
    throw error;
  }
}

type Papers = Parameters<typeof finishAttempt>[2];

async function finish(ports: RunPorts, attempt: Attempt, papers: Papers): Promise<"verified" | "partial"> {
  const { items } = papers.manifest;
  const delivered: NewEvent = { kind: "delivered", actor: "relais", details: deliveredIn(papers.manifest) };
  try {
    return await finishAttempt(ports, attempt, { ...papers, before: [delivered] });
  } catch (error) {
    // Stopped meanwhile: what moved is a fact all the same.
    if (asRelaisError(error).code === "lease_lost") await attempt.record(items.map(sentMark));
    throw error;
  }
}

function sentMark({ dataset, key, bytes, "sha-256": sha256 }: Manifest["items"][number]): Mark {
  return { dataset, key, bytes, sha256, state: "sent" };
}

/** All of a small transfer, in memory. */
interface Parcel {
  items: CompactItem[];
  whole: Whole;
  /** What is written down of it before it is sent. */
  listed: NonNullable<Step["listed"]>;
  omitted: Mark[];
}

/** Null where it is more than one request carries. */
async function gather(attempt: Attempt, ends: Ends): Promise<Parcel | null> {
  const { datasets, limits, concurrency } = ends;
  const { source } = ends.increment;
  if (!isLittle(datasets)) return null;
  const found = new Map<string, SourceItem>();
  const bodies = new Map<string, Uint8Array>();
  const omitted = new Map<string, Mark>();
  const outcomes = new Map<string, Mark>();
  const shelf = { put: collectInto(bodies) };
  const terms = { source, destination: shelf, needsDigest: false, maxItemBytes: limits.maxItemBytes, mayMoveData: attempt.mayMoveData };
  for (const dataset of attempt.transfer.datasets) {
    for await (const page of pagesOf({ attempt, source }, dataset)) {
      for (const item of page.items) found.set(itemName(item), item);
      for (const omission of page.omissions) omitted.set(itemName(omission), { ...omission, state: "omitted" });
      if (!fits([...found.values()], omitted.size, Math.min(limits.maxItems, COMPACT_ITEMS))) return null;
      await inParallel(concurrency, page.items, async (item) => {
        const { kind, ...outcome } = await deliverItem(terms, item);
        outcomes.set(itemName(item), { ...outcome, state: kind });
      });
    }
  }
  const marks = [...outcomes.values()];
  const contents = contentsOf({ marks, omitted: [...omitted.values()], heads: headsOf(found.values()) });
  return {
    whole: wholeOf(datasets, contents),
    items: contents.items.map((item) => ({ ...item, mediaType: item.media_type, body: bodies.get(itemName(item)) as Uint8Array })),
    listed: contents.items.map(({ dataset, key, media_type: mediaType, bytes, "sha-256": sha256, made_from: madeFrom }) => ({
      dataset,
      key,
      mediaType,
      bytes,
      sha256,
      ...(madeFrom ? { madeFrom } : {}),
    })),
    omitted: [...omitted.values(), ...marks.map((mark) => ({ ...mark, ...typeOf(found.get(itemName(mark))) }))].filter(
      ({ state }) => state === "omitted",
    ),
  };
}

function typeOf(item: SourceItem | undefined): Pick<Mark, "mediaType"> {
  return item === undefined ? {} : { mediaType: item.mediaType };
}

function isLittle(datasets: DatasetCount[]): boolean {
  const sum = (member: "items" | "bytes"): number => datasets.reduce((total, counts) => total + (counts[member] ?? Infinity), 0);
  return sum("items") <= COMPACT_ITEMS && sum("bytes") <= COMPACT_BYTES;
}

/** A source may list more than it counted. */
function fits(items: SourceItem[], others: number, most: number): boolean {
  const bytes = items.reduce((total, item) => total + (item.bytes ?? Infinity), 0);
  return items.length + others <= most && bytes <= COMPACT_BYTES && items.every(({ mediaType }) => isMediaType(mediaType));
}

/** The manifest of the parcel, written down. An earlier attempt's is handed over again; null where the source has something else by now. */
async function signedFor(
  ports: RunPorts,
  attempt: Attempt,
  { whole, listed, omitted }: Parcel,
  increment: Ends["increment"],
): Promise<string | null> {
  const { manifest } = attempt;
  if (manifest !== null && !isSame(payloadOf(manifest) as Manifest, whole.contents)) return null;
  beginDelivering(attempt);
  if (manifest !== null) return attempt.step({}).then(() => manifest);
  const { manifest: unsigned, stands, events } = manifestOf(ports, attempt, whole.contents, increment);
  const jws = await ports.signer.signDocument(MANIFEST_TYPE, unsigned);
  await attempt.step({ listed, marks: omitted, stands, events, document: { id: newId("document"), kind: "manifest", jws } });
  attempt.manifest = jws;
  return jws;
}

function isSame({ items, omissions }: Manifest, contents: Whole["contents"]): boolean {
  return canonicalJson({ items, omissions }) === canonicalJson(contents);
}
