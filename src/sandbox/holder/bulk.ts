import { createCipheriv, createHash } from "node:crypto";
import { canonicalJson } from "../../core/canonical-json.ts";
import type { Bytes } from "../../core/transfer/adapter.ts";
import { sha256 } from "../../core/transfer/manifest.ts";
import { cursorOf, positionOf } from "../export/cursor.ts";
import type { Library, ListedItem } from "../export/library.ts";

/** A data set made as it is read: nothing of it is kept. Items have the keys `key(0)` … `key(count - 1)`. */
export interface BulkItems {
  count: number;
  bytes: number;
  item(index: number): Promise<ListedItem & { body: () => Bytes }>;
  /** Null for a key that is not there. */
  indexOf(key: string): number | null;
}

/** Customers beside the personas, by data set: for tests of size. */
export type BulkCustomers = Readonly<Record<string, Readonly<Record<string, BulkItems>>>>;

const MODIFIED = "2026-10-31";

/** Many small JSON items of one length; `filling`: so many characters more in each. */
export function numberedItems(count: number, filling = 0): BulkItems {
  const filled = filling === 0 ? {} : { filling: "x".repeat(filling) };
  const content = (index: number) => ({ index: String(index).padStart(9, "0"), value: ((index * 7919) % 100_003) + 100_003, ...filled });
  const text = (index: number) => Buffer.from(canonicalJson(content(index)));
  const length = text(0).length;
  return {
    count,
    bytes: count * length,
    indexOf: (key) => (/^n-\d{9}$/.test(key) && Number(key.slice(2)) < count ? Number(key.slice(2)) : null),
    item: async (index) => {
      const bytes = text(index);
      return {
        key: `n-${String(index).padStart(9, "0")}`,
        mediaType: "application/json",
        modified: MODIFIED,
        bytes: bytes.length,
        sha256: sha256(bytes),
        content: content(index),
        body: () => once(bytes),
      };
    },
  };
}

/** Items of this many bytes each, pseudo-random by seed and streamed; a digest is computed once, when it is first asked for. */
export function largeItems(sizes: number[], seed: string): BulkItems {
  const digests = new Map<number, Promise<string>>();
  const stream = (index: number): Bytes => pseudoRandom(`${seed}/${index}`, sizes[index] as number);
  const digest = (index: number): Promise<string> => digests.get(index) ?? remember(digests, index, digestOf(stream(index)));
  return {
    count: sizes.length,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    indexOf: (key) => (/^large-\d{1,6}\.bin$/.test(key) && Number(key.slice(6, -4)) < sizes.length ? Number(key.slice(6, -4)) : null),
    item: async (index) => ({
      key: `large-${index}.bin`,
      mediaType: "application/octet-stream",
      modified: MODIFIED,
      bytes: sizes[index] as number,
      sha256: await digest(index),
      body: () => stream(index),
    }),
  };
}

function remember<T>(map: Map<number, T>, index: number, value: T): T {
  map.set(index, value);
  return value;
}

async function* once(content: Uint8Array): Bytes {
  yield content;
}

const CHUNK = Buffer.alloc(64 * 1024);

/** The key stream of AES in counter mode: fast, and the same for the same seed. */
async function* pseudoRandom(seed: string, size: number): Bytes {
  const key = createHash("sha256").update(seed).digest();
  const cipher = createCipheriv("aes-128-ctr", key.subarray(0, 16), key.subarray(16));
  for (let left = size; left > 0; left -= CHUNK.length) yield cipher.update(left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK);
}

async function digestOf(body: Bytes): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of body) hash.update(chunk);
  return hash.digest("base64url");
}

/** The bulk customers in front of another library. */
export function withBulk(customers: BulkCustomers, library: Library): Library {
  const dataset = (account: string, name: string): BulkItems | null => own(own(customers, account) ?? {}, name) ?? null;
  return {
    counts: async (account) => {
      const sets = own(customers, account);
      return sets
        ? Object.entries(sets).map(([name, { count, bytes }]) => ({ dataset: name, items: count, bytes }))
        : library.counts(account);
    },
    // Numbered items are only ever added to.
    position: async (account, name) =>
      own(customers, account) ? cursorOf(String(dataset(account, name)?.count ?? 0)) : ((await library.position?.(account, name)) ?? null),
    changes: async ({ position, ...asked }) => {
      if (!own(customers, asked.account)) return (await library.changes?.({ ...asked, position })) ?? null;
      const items = dataset(asked.account, asked.dataset);
      const start = Number(Buffer.from(position, "base64url").toString() || NaN);
      if (items === null || !Number.isSafeInteger(start) || start > items.count) return null;
      return { ...(await bulkPage(items, asked.cursor === null ? start : positionOf(asked.cursor), asked.limit)), gone: [] };
    },
    contract: (account) => (own(customers, account) ? null : (library.contract?.(account) ?? null)),
    page: async (asked) => {
      if (!own(customers, asked.account)) return library.page(asked);
      if (asked.since !== null && asked.since.getTime() > Date.parse(MODIFIED)) return { items: [], next: null };
      const items = dataset(asked.account, asked.dataset);
      return items && bulkPage(items, positionOf(asked.cursor), asked.limit);
    },
    read: async (account, name, key) => {
      if (!own(customers, account)) return library.read(account, name, key);
      const items = dataset(account, name);
      const index = items?.indexOf(key) ?? null;
      if (items === null || index === null) return null;
      const { body, ...item } = await items.item(index);
      return { ...item, body: body() };
    },
  };
}

async function bulkPage(items: BulkItems, start: number, limit: number): Promise<{ items: ListedItem[]; next: string | null }> {
  const end = Math.min(start + limit, items.count);
  const listed: ListedItem[] = [];
  for (let index = start; index < end; index += 1) {
    const { body: _body, ...item } = await items.item(index);
    listed.push(item);
  }
  return { items: listed, next: end < items.count ? cursorOf(String(end)) : null };
}

/** Names come from requests: `constructor` is no customer. */
function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
