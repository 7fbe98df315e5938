import { sha256 } from "../../core/transfer/manifest.ts";
import type { Bytes, DatasetCount } from "../../core/transfer/adapter.ts";
import { type Change, pageOfChanges } from "../export/changes.ts";
import { cursorOf, positionOf } from "../export/cursor.ts";
import type { Library, ListedItem } from "../export/library.ts";
import { dayNumber, type FullDate } from "../personas/calendar.ts";
import { dataSetsOf, Holdings, personaOfCustomer, type HolderName, type Item } from "../personas/holdings.ts";
import { toldContract } from "../personas/joint-contracts.ts";

/** Lists of today, and of the days that positions are of. */
const GENERATIONS_KEPT = 4;
/** How long ago a position may be of which a holder still tells what changed since. */
const DAYS_TOLD = 400;

/**
 * What a reference holder keeps about its customers: the same seed and day give the same bytes. `secret`: what its references of contracts are made with.
 * `today`: the last day of which there is data.
 */
export function personaLibrary(holder: HolderName, seed: string, secret: Buffer, today: () => FullDate): Library {
  const generations = new Map<FullDate, Holdings>();
  const holdingsOf = (until: FullDate): Holdings => {
    const holdings = generations.get(until) ?? new Holdings({ seed, until });
    generations.delete(until);
    generations.set(until, holdings);
    const [oldest = until] = generations.keys();
    if (generations.size > GENERATIONS_KEPT) generations.delete(oldest);
    return holdings;
  };
  const items = async (account: string, dataset: string, until = today()): Promise<readonly Item[] | null> => {
    const known = personaOfCustomer(holder, account) !== null && dataSetsOf(holder).some((set) => set.id === dataset);
    return known ? holdingsOf(until).itemsOf(holder, account, dataset) : null;
  };
  return {
    counts: async (account) =>
      personaOfCustomer(holder, account) === null
        ? []
        : countAll(
            dataSetsOf(holder).map((set) => set.id),
            (dataset) => items(account, dataset),
          ),
    // The list of a day is that of the day before, and what came since: its position is the day.
    position: async () => cursorOf(today()),
    changes: async ({ account, dataset, position, ...paging }) => {
      const then = dayAt(position, today());
      const [before, now] = then === null ? [null, null] : [await items(account, dataset, then), await items(account, dataset)];
      return before && now && pageOfChanges(differenceOf(before, now), paging);
    },
    contract: (account) => toldContract(holder, account, secret),
    page: async ({ account, dataset, cursor, since, limit }) => {
      const all = await items(account, dataset);
      if (all === null) return null;
      const wanted = since === null ? all : all.filter((item) => Date.parse(item.modified) >= since.getTime());
      const start = positionOf(cursor);
      const end = start + limit;
      return { items: wanted.slice(start, end).map(listed), next: end < wanted.length ? cursorOf(String(end)) : null };
    },
    read: async (account, dataset, key) => {
      const item = (await items(account, dataset))?.find((candidate) => candidate.key === key);
      return item ? { mediaType: item.mediaType, bytes: item.content.length, sha256: digestOf(item), body: once(item.content) } : null;
    },
  };
}

/** Null for what is no position of ours, or lies too far back. */
function dayAt(position: string, today: FullDate): FullDate | null {
  const day = Buffer.from(position, "base64url").toString();
  if (!/^\d{4}-\d\d-\d\d$/.test(day) || Number.isNaN(dayNumber(day))) return null;
  return day <= today && dayNumber(today) - dayNumber(day) <= DAYS_TOLD ? day : null;
}

function differenceOf(before: readonly Item[], now: readonly Item[]): Change[] {
  const old = new Map(before.map((item) => [item.key, digestOf(item)]));
  const present = new Set(now.map(({ key }) => key));
  return [
    ...now.filter((item) => old.get(item.key) !== digestOf(item)).map((item) => ({ key: item.key, item: listed(item) })),
    ...before.filter(({ key }) => !present.has(key)).map(({ key }) => ({ key, item: null })),
  ];
}

async function countAll(datasets: string[], items: (dataset: string) => Promise<readonly Item[] | null>): Promise<DatasetCount[]> {
  const counts: DatasetCount[] = [];
  for (const dataset of datasets) {
    const list = (await items(dataset)) ?? [];
    counts.push({ dataset, items: list.length, bytes: list.reduce((sum, item) => sum + item.content.length, 0) });
  }
  return counts;
}

const digests = new WeakMap<Item, string>();

function digestOf(item: Item): string {
  const digest = digests.get(item) ?? sha256(item.content);
  digests.set(item, digest);
  return digest;
}

function listed(item: Item): ListedItem {
  const { key, mediaType, modified, content } = item;
  const entry = { key, mediaType, modified, bytes: content.length, sha256: digestOf(item) };
  return mediaType === "application/json" ? { ...entry, content: JSON.parse(new TextDecoder().decode(content)) as unknown } : entry;
}

async function* once(content: Uint8Array): Bytes {
  yield content;
}
