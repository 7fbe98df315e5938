import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { DatasetCount } from "../../core/transfer/adapter.ts";
import { cursorOf, placeOf } from "../export/cursor.ts";
import type { Library, ListedItem, PageAsked } from "../export/library.ts";
import { type ChangeFeed, openChangeFeed } from "./change-feed.ts";
import { inOneStep } from "./index-file.ts";
import { inlineContent } from "./inline-content.ts";

/** An item that the platform keeps for an account. */
export interface KeptItem {
  account: string;
  dataset: string;
  key: string;
  source: string;
  mediaType: string;
  bytes: number;
  /** Of the bytes that arrived, base64url. */
  sha256: string;
  /** Below the data folder; its name says nothing. */
  file: string;
  storedAt: string;
}

/** What the platform keeps: bytes in files, the list of them in the index. */
export interface Shelves extends Library {
  /** The file of these bytes; the draft's name no longer exists. Nothing is listed yet. */
  shelve(draft: string, name: Pick<KeptItem, "account" | "dataset" | "key" | "sha256">): Promise<string>;
  /** Lists an item, within a step of the caller. Returns the item that it replaces. */
  list(item: KeptItem): KeptItem | null;
  find(account: string, dataset: string, key: string): KeptItem | null;
  /** Every item of an account, by data set and key. */
  all(account: string): KeptItem[];
  /** Bytes of all items of an account. */
  used(account: string): number;
  latest(account: string, dataset: string, count: number): KeptItem[];
  /** The present digest and length of the stored bytes, read from the disk; null where the file is gone. */
  measure(item: Pick<KeptItem, "file">): Promise<{ bytes: number; sha256: string } | null>;
  /** Removes an item, where it is there from this source. False where it is another's, or nothing is there. */
  remove(item: Pick<KeptItem, "account" | "dataset" | "key" | "source">): Promise<boolean>;
  drop(file: string): Promise<void>;
  path(item: Pick<KeptItem, "file">): string;
}

const COLUMNS = "account, dataset, key, source, media_type AS mediaType, bytes, sha256, file, stored_at AS storedAt";

export function openShelves(index: DatabaseSync, folder: string): Shelves {
  const path = ({ file }: Pick<KeptItem, "file">): string => join(folder, file);
  const drop = (file: string): Promise<void> => unlink(path({ file })).catch(() => undefined);
  const rows = (where: string, ...values: (string | number)[]): KeptItem[] =>
    index.prepare(`SELECT ${COLUMNS} FROM items WHERE ${where}`).all(...values) as unknown as KeptItem[];
  const feed = openChangeFeed(index);
  // Counted once, then kept up to date: adding up for each item that arrives would make a large transfer quadratic.
  const totals = new Map<string, number>();
  const used: Shelves["used"] = (account) => {
    const total =
      totals.get(account) ?? Number(index.prepare("SELECT sum(bytes) AS bytes FROM items WHERE account = ?").get(account)?.["bytes"] ?? 0);
    totals.set(account, total);
    return total;
  };
  const find: Shelves["find"] = (account, dataset, key) =>
    rows("account = ? AND dataset = ? AND key = ?", account, dataset, key)[0] ?? null;
  const takeAway = takingAway(index, feed, { totals, drop });
  return {
    path,
    drop,
    find,
    used,
    shelve: (draft, name) => shelve(folder, draft, name),
    list: (item) => {
      const replaced = find(item.account, item.dataset, item.key);
      totals.set(item.account, used(item.account) + item.bytes - (replaced?.bytes ?? 0));
      const { account, dataset, key, source, mediaType, bytes, sha256, file, storedAt } = item;
      index
        .prepare("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .run(account, dataset, key, source, mediaType, bytes, sha256, file, storedAt);
      feed.note(item);
      return replaced;
    },
    all: (account) => rows("account = ? ORDER BY dataset, key", account),
    latest: (account, dataset, count) => rows("account = ? AND dataset = ? ORDER BY key DESC LIMIT ?", account, dataset, count),
    measure: (item) => measureFile(path(item)),
    remove: async ({ account, dataset, key, source }) => {
      const item = find(account, dataset, key);
      if (item === null || item.source !== source) return false;
      await takeAway([item]);
      return true;
    },
    ...changesIn(feed, { find, path }),
    counts: async (account) => countRows(index, account),
    page: async (asked) => pageOf(asked, { rows, path }, countRows(index, asked.account)),
    read: async (account, dataset, key) => {
      const item = find(account, dataset, key);
      return item && { mediaType: item.mediaType, bytes: item.bytes, sha256: item.sha256, body: createReadStream(path(item)) };
    },
    erase: async (account, datasets) => {
      for (const dataset of datasets) await takeAway(rows("account = ? AND dataset = ?", account, dataset));
    },
  };
}

/** Their rows first, in one step, then their files: a file that is listed nowhere is nobody's. */
function takingAway(
  index: DatabaseSync,
  feed: ChangeFeed,
  { totals, drop }: Pick<Shelves, "drop"> & { totals: Map<string, number> },
): (items: KeptItem[]) => Promise<void> {
  const one = index.prepare("DELETE FROM items WHERE account = ? AND dataset = ? AND key = ?");
  return async (items) => {
    inOneStep(index, () => {
      for (const { account, dataset, key } of items) one.run(account, dataset, key);
      for (const item of items) feed.note(item);
    });
    for (const { account, file } of items) {
      totals.delete(account);
      await drop(file);
    }
  };
}

/** What changed, as a source tells it: what is not there any more is gone. */
function changesIn(feed: ChangeFeed, { find, path }: Pick<Shelves, "find" | "path">): Required<Pick<Library, "position" | "changes">> {
  return {
    position: async () => feed.position(),
    changes: async ({ account, dataset, position, ...paging }) => {
      const keys = feed.since(position, { account, dataset });
      if (keys === null) return null;
      const { next, items, gone } = pageOfKeys(keys, (key) => find(account, dataset, key), paging);
      return { items: await Promise.all(items.map((item) => listedOf(item, path))), gone, next };
    },
  };
}

/**
 * File names are digests: no name from outside reaches the file system. The bytes' own digest is part of it, so that a new value
 * never overwrites the bytes that the index still lists.
 */
async function shelve(folder: string, draft: string, { account, dataset, key, sha256 }: Parameters<Shelves["shelve"]>[1]): Promise<string> {
  const name = createHash("sha256").update([account, dataset, key].join("\u0000")).digest("hex");
  const file = join("items", name.slice(0, 2), `${name}.${Buffer.from(sha256, "base64url").toString("hex").slice(0, 32)}`);
  const target = join(folder, file);
  await mkdir(dirname(target), { recursive: true });
  await rename(draft, target);
  return file;
}

async function measureFile(file: string): Promise<{ bytes: number; sha256: string } | null> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(file)) {
      bytes += (chunk as Buffer).length;
      hash.update(chunk as Buffer);
    }
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return null;
    throw error;
  }
  return { bytes, sha256: hash.digest("base64url") };
}

function countRows(index: DatabaseSync, account: string): DatasetCount[] {
  const rows = index
    .prepare("SELECT dataset, count(*) AS items, sum(bytes) AS bytes FROM items WHERE account = ? GROUP BY dataset ORDER BY dataset")
    .all(account);
  return rows.map((row) => ({ dataset: String(row["dataset"]), items: Number(row["items"]), bytes: Number(row["bytes"]) }));
}

type Rows = (where: string, ...values: (string | number)[]) => KeptItem[];

async function pageOf(
  { account, dataset, cursor, since, limit }: PageAsked,
  { rows, path }: { rows: Rows; path: Shelves["path"] },
  counts: DatasetCount[],
): Promise<{ items: ListedItem[]; next: string | null } | null> {
  if (!counts.some((count) => count.dataset === dataset)) return null;
  const after = cursor === null ? "" : placeOf(cursor);
  const found = rows(
    "account = ? AND dataset = ? AND key > ? AND stored_at >= ? ORDER BY key LIMIT ?",
    account,
    dataset,
    after,
    since?.toISOString() ?? "",
    limit + 1,
  );
  const page = found.slice(0, limit);
  return {
    items: await Promise.all(page.map((item) => listedOf(item, path))),
    next: found.length > limit ? cursorOf((page.at(-1) as KeptItem).key) : null,
  };
}

async function listedOf(item: KeptItem, path: Shelves["path"]): Promise<ListedItem> {
  const { key, mediaType, bytes, sha256, storedAt } = item;
  return { key, mediaType, bytes, sha256, modified: storedAt, ...(await inlineContent(path(item), item)) };
}

/** The items under these keys; what has none any more is gone. */
function pageOfKeys(
  keys: string[],
  find: (key: string) => KeptItem | null,
  { cursor, limit }: Pick<PageAsked, "cursor" | "limit">,
): { items: KeptItem[]; gone: string[]; next: string | null } {
  const after = cursor === null ? "" : placeOf(cursor);
  const rest = keys.filter((key) => key > after);
  const page = rest.slice(0, limit).map((key) => ({ key, item: find(key) }));
  const last = rest.length > limit ? page.at(-1) : undefined;
  return {
    items: page.flatMap(({ item }) => item ?? []),
    gone: page.flatMap(({ key, item }) => (item === null ? [key] : [])),
    next: last === undefined ? null : cursorOf(last.key),
  };
}
