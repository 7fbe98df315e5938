import { RelaisError } from "../errors.ts";
import type { Destination, Source, SourceItem, SourcePage } from "./adapter.ts";
import { itemName } from "./adapter.ts";
import type { Attempt } from "./attempt.ts";
import { deliverItem, type ItemOutcome } from "./deliver-item.ts";

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
  /** What the destination already holds, from earlier attempts: name to digest. */
  held: Map<string, string>;
}

/** Outcomes are written in groups: what a crash loses of the record, the destination still knows. */
const RECORD_EVERY = 200;

/** Lists every data set and moves every item that the destination does not hold yet. Memory is bounded by one page. */
export async function deliverItems(delivery: Delivery): Promise<void> {
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
      await deliverPage(delivery, page);
    }
  }
}

async function* pagesOf(delivery: Delivery, dataset: string): AsyncGenerator<SourcePage> {
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

async function deliverPage(delivery: Delivery, page: SourcePage): Promise<void> {
  const { attempt, held } = delivery;
  await attempt.write(async (w) => {
    await w.deliveries.listItems(attempt.transfer.id, attempt.transfer.epoch, page.items);
    if (page.omissions.length > 0)
      await w.deliveries.markItems(
        attempt.transfer.id,
        attempt.transfer.epoch,
        page.omissions.map((omission) => ({ ...omission, state: "omitted" as const })),
      );
  });
  const outcomes: ItemOutcome[] = page.items
    .filter((item) => isHeld(held, item))
    .map((item) => ({ kind: "sent", dataset: item.dataset, key: item.key, bytes: item.bytes ?? 0, sha256: item.sha256 as string }));
  const waiting = page.items.filter((item) => !isHeld(held, item));
  try {
    await inParallel(delivery.concurrency, waiting, async (item) => {
      outcomes.push(await deliverItem({ ...delivery, maxItemBytes: delivery.limits.maxItemBytes, mayMoveData: attempt.mayMoveData }, item));
      if (outcomes.length >= RECORD_EVERY) await recordOutcomes(attempt, outcomes.splice(0));
    });
  } finally {
    await recordOutcomes(attempt, outcomes.splice(0));
  }
}

function isHeld(held: Map<string, string>, item: SourceItem): boolean {
  return item.sha256 !== null && item.bytes !== null && held.get(itemName(item)) === item.sha256;
}

async function recordOutcomes(attempt: Attempt, outcomes: ItemOutcome[]): Promise<void> {
  if (outcomes.length === 0) return;
  const marks = outcomes.map(({ kind, ...outcome }) => ({ ...outcome, state: kind }));
  await attempt.record(marks);
}

/** Runs `work` over all items, at most `width` at once. The first failure stops new starts, and is thrown when those under way have ended. */
async function inParallel<T>(width: number, items: T[], work: (item: T) => Promise<void>): Promise<void> {
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
