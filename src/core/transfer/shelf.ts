import { isDataSetId } from "../catalogue/data-set.ts";
import { RelaisError } from "../errors.ts";
import type { DatasetCount, SourceItem, SourcePage } from "./adapter.ts";
import { flawOfItemKey, printableKey } from "./item-key.ts";
import type { Omission } from "./manifest.ts";

/** One file found at a platform, before it is judged. `slug` is empty for what Relais did not write. */
export interface FoundFile {
  slug: string;
  dataset: string;
  key: string;
  url: string;
  bytes: number | null;
  mediaType: string | null;
}

export interface FoundItem extends SourceItem {
  url: string;
}

/** What an account holds, judged and in the order of its names. */
export interface Shelf {
  items: Map<string, FoundItem[]>;
  omissions: Map<string, Omission[]>;
}

/**
 * Puts found files in order. Two sources may have filled the same data set with the same key: the first, by source,
 * keeps its key, and the others get their source's name in front, so that none replaces another at the destination.
 */
export function shelve(files: readonly FoundFile[]): Shelf {
  const shelf: Shelf = { items: new Map(), omissions: new Map() };
  const taken = new Set<string>();
  for (const file of files.toSorted((a, b) => compare(a.slug, b.slug) || compare(a.key, b.key))) {
    const key = taken.has(`${file.dataset}/${file.key}`) ? `${file.slug}/${file.key}` : file.key;
    taken.add(`${file.dataset}/${key}`);
    if (flawOfItemKey(key) === null) into(shelf.items, file.dataset, itemOf(file, key));
    else into(shelf.omissions, file.dataset, { dataset: file.dataset, key: printableKey(key), reason: "unsafe_name" });
  }
  for (const items of shelf.items.values()) items.sort((a, b) => compare(a.key, b.key));
  return shelf;
}

function itemOf({ dataset, url, bytes, mediaType }: FoundFile, key: string): FoundItem {
  return { dataset, key, url, bytes, mediaType: mediaType ?? "application/octet-stream", sha256: null, content: null };
}

function into<T>(map: Map<string, T[]>, name: string, value: T): void {
  const list = map.get(name);
  if (list) list.push(value);
  else map.set(name, [value]);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function countShelf(shelf: Shelf): DatasetCount[] {
  const datasets = [...new Set([...shelf.items.keys(), ...shelf.omissions.keys()])].sort(compare);
  return datasets.map((dataset) => {
    const items = shelf.items.get(dataset) ?? [];
    const bytes = items.every((item) => item.bytes !== null) ? items.reduce((sum, item) => sum + (item.bytes ?? 0), 0) : null;
    return { dataset, items: items.length + (shelf.omissions.get(dataset)?.length ?? 0), bytes };
  });
}

/** All of it is in memory already; between two pages every connection waits for the slowest item, and for a commit. */
const PAGE = 1000;

/** One page; the cursor is the last key given, so that it stays right when items come or go. @throws RelaisError `not_found`. */
export function pageOfShelf(shelf: Shelf, dataset: string, cursor: string | null): SourcePage {
  const items = shelf.items.get(dataset);
  const omissions = shelf.omissions.get(dataset);
  if (!isDataSetId(dataset) || (items === undefined && omissions === undefined)) {
    throw new RelaisError("not_found", "The person has no such data set at this platform.");
  }
  const rest = (items ?? []).filter((item) => cursor === null || item.key > cursor);
  const page = rest.slice(0, PAGE);
  const next = rest.length > PAGE ? (page.at(-1)?.key ?? null) : null;
  return { items: page, omissions: cursor === null ? (omissions ?? []) : [], next };
}
