import { RelaisError } from "../errors.ts";
import type { Bytes, DatasetCount, Destination, ItemToStore, Source, SourceItem, SourcePage } from "./adapter.ts";
import { itemName } from "./adapter.ts";
import type { Attempt } from "./attempt.ts";
import type { Mark } from "./attempt-records.ts";
import { deliverItem } from "./deliver-item.ts";
import { made, originalsIn, type Manifest } from "./manifest.ts";

export interface Limits {
  maxItemBytes: number;
  maxItems: number;
}

interface Delivery {
  attempt: Attempt;
  source: Source;
  destination: Destination;
  needsDigest: boolean;
  concurrency: number;
  limits: Limits;
  /** As the source counted. */
  datasets: DatasetCount[];
  /** What the destination already holds, from earlier attempts: name to digest. */
  held: Map<string, string>;
  /** Nothing but what is named here, where the manifest is signed already. */
  only: ReadonlySet<string> | null;
}

/** Outcomes are written in groups: what a crash loses of the record, the destination still knows. */
const RECORD_EVERY = 200;

/** What came of the items. */
export interface Moved {
  /** Not written down yet. */
  marks: Mark[];
  /** All of the transfer, where it is little and was moved by its first attempt; else null: the store knows. */
  whole: Whole | null;
}

export interface Whole {
  contents: Pick<Manifest, "items" | "omissions">;
  /** How many the source counted; where it could not, how many it listed. */
  expected: { dataset: string; items: number }[];
}

/** Lists every data set and moves every item that the destination does not hold yet. Memory is bounded by one page. */
export async function deliverItems(delivery: Delivery): Promise<Moved> {
  const tally: Tally = { marks: [], omitted: [], isWhole: delivery.attempt.transfer.attempts === 1, heads: new Map() };
  let listed = 0;
  for (const dataset of delivery.attempt.transfer.datasets) {
    for await (const page of pagesOf(delivery, dataset)) {
      listed += page.items.length + page.omissions.length;
      if (listed > delivery.limits.maxItems)
        throw new RelaisError(
          "too_large",
          `The source lists more than ${delivery.limits.maxItems} items. The operator can raise the limit.`,
          { actor: "operator" },
        );
      await deliverPage(delivery, page, tally);
    }
  }
  return { marks: tally.marks, whole: tally.isWhole ? wholeOf(delivery.datasets, contentsOf(tally)) : null };
}

interface Tally {
  marks: Mark[];
  /** These three say all of the transfer: no earlier attempt did anything, and of its marks none was written down yet. */
  isWhole: boolean;
  omitted: Mark[];
  heads: Map<string, Head>;
}

/** What the manifest says of an item beside what became of it. */
type Head = Pick<SourceItem, "mediaType" | "madeFrom">;

export function headsOf(items: Iterable<SourceItem>): Map<string, Head> {
  return new Map(
    [...items].map((item) => [itemName(item), { mediaType: item.mediaType, ...(item.madeFrom ? { madeFrom: item.madeFrom } : {}) }]),
  );
}

export function wholeOf(datasets: DatasetCount[], contents: Whole["contents"]): Whole {
  const listed = (dataset: string): number => originalsIn(contents, dataset);
  return { contents, expected: datasets.map(({ dataset, items }) => ({ dataset, items: items ?? listed(dataset) })) };
}

/** In the order of their names, as the store would give them. */
export function contentsOf({ marks, omitted, heads }: Omit<Tally, "isWhole">): Pick<Manifest, "items" | "omissions"> {
  const last = new Map([...omitted, ...marks].map((mark) => [itemName(mark), mark]));
  const inOrder = [...last.values()].sort(
    (a, b) => Buffer.compare(Buffer.from(a.dataset), Buffer.from(b.dataset)) || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)),
  );
  const headOf = (mark: Mark): Head => heads.get(itemName(mark)) ?? { mediaType: "application/octet-stream" };
  const items = inOrder.flatMap((mark) => {
    const { dataset, key, state, bytes = 0, sha256 } = mark;
    const { mediaType: media_type, madeFrom } = headOf(mark);
    return state === "sent" && sha256 !== undefined ? [{ dataset, key, media_type, bytes, "sha-256": sha256, ...made(madeFrom) }] : [];
  });
  const omissions = inOrder.flatMap((mark) => {
    const { dataset, key, state, reason = "not_available" } = mark;
    return state === "omitted" ? [{ dataset, key, reason, ...made(headOf(mark).madeFrom) }] : [];
  });
  return { items, omissions };
}

/** Each page is asked for only while data may move. */
export async function* pagesOf(delivery: Pick<Delivery, "attempt" | "source">, dataset: string): AsyncGenerator<SourcePage> {
  const seen = new Set<string>();
  for (let cursor: string | null = null; ;) {
    await delivery.attempt.mayMoveData();
    const page: SourcePage = await delivery.source.list(dataset, cursor);
    yield page;
    cursor = page.next;
    if (cursor === null) return;
    if (seen.has(cursor))
      throw new RelaisError("peer_protocol", "The source's pages repeat without end. The source must mend its paging.", {
        actor: "holder",
      });
    seen.add(cursor);
  }
}

async function deliverPage(delivery: Delivery, listed: SourcePage, tally: Tally): Promise<void> {
  const { attempt, held, only } = delivery;
  const page = only === null ? listed : { items: listed.items.filter((item) => only.has(itemName(item))), omissions: [] };
  const omitted = page.omissions.map((omission) => ({ ...omission, state: "omitted" as const }));
  await attempt.step({ listed: page.items.map(({ content: _content, ...item }) => item), marks: omitted });
  if (tally.omitted.length + omitted.length + tally.heads.size + page.items.length > RECORD_EVERY) forget(tally);
  if (tally.isWhole) tally.omitted.push(...omitted);
  if (tally.isWhole) for (const [name, head] of headsOf(page.items)) tally.heads.set(name, head);
  const waiting = page.items.filter((item) => !isHeld(held, item));
  const heldMarks = page.items
    .filter((item) => isHeld(held, item))
    .map((item) => ({
      state: "sent" as const,
      dataset: item.dataset,
      key: item.key,
      bytes: item.bytes ?? 0,
      sha256: item.sha256 as string,
    }));
  tally.marks.push(...heldMarks);
  try {
    await inParallel(delivery.concurrency, waiting, async (item) => {
      const { kind, ...outcome } = await deliverItem(
        { ...delivery, maxItemBytes: delivery.limits.maxItemBytes, mayMoveData: attempt.mayMoveData },
        item,
      );
      tally.marks.push({ ...outcome, state: kind });
      if (tally.marks.length >= RECORD_EVERY) await writeDown(attempt, tally);
    });
  } catch (error) {
    await writeDown(attempt, tally);
    throw error;
  }
}

/** It is more than is kept in memory. */
function forget(tally: Tally): void {
  tally.isWhole = false;
  tally.omitted = [];
  tally.heads.clear();
}

async function writeDown(attempt: Attempt, tally: Tally): Promise<void> {
  forget(tally);
  const marks = tally.marks.splice(0);
  if (marks.length > 0) await attempt.record(marks);
}

function isHeld(held: Map<string, string>, item: SourceItem): boolean {
  return item.sha256 !== null && item.bytes !== null && held.get(itemName(item)) === item.sha256;
}

/** A destination that is memory. */
export function collectInto(bodies: Map<string, Uint8Array>): (item: ItemToStore, body: Bytes | Uint8Array) => Promise<void> {
  return async (item, body) => {
    if (body instanceof Uint8Array) return void bodies.set(itemName(item), body);
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    bodies.set(itemName(item), Buffer.concat(chunks));
  };
}

/** Runs `work` over all items, at most `width` at once. The first failure stops new starts, and is thrown when those under way have ended. */
export async function inParallel<T>(width: number, items: T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    while (failures.length === 0 && next < items.length) {
      const item = items[next++] as T;
      await work(item).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
}
