import { sha256 } from "../../core/transfer/manifest.ts";
import type { Bytes, DatasetCount } from "../../core/transfer/adapter.ts";
import { cursorOf, positionOf } from "../export/cursor.ts";
import type { Library, ListedItem } from "../export/library.ts";
import { dataSetsOf, Holdings, personaOfCustomer, type HolderName, type Item } from "../personas/holdings.ts";
import { toldContract } from "../personas/joint-contracts.ts";

/** What a reference holder keeps about its customers: the same seed gives the same bytes. `secret`: what its references of contracts are made with. */
export function personaLibrary(holder: HolderName, seed: string, secret: Buffer): Library {
  const holdings = new Holdings({ seed });
  const items = async (account: string, dataset: string): Promise<readonly Item[] | null> => {
    const known = personaOfCustomer(holder, account) !== null && dataSetsOf(holder).some((set) => set.id === dataset);
    return known ? holdings.itemsOf(holder, account, dataset) : null;
  };
  return {
    counts: async (account) =>
      personaOfCustomer(holder, account) === null
        ? []
        : countAll(
            dataSetsOf(holder).map((set) => set.id),
            (dataset) => items(account, dataset),
          ),
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
