import { cursorOf, placeOf } from "./cursor.ts";
import type { ChangedPage, ListedItem } from "./library.ts";

/** What became of one key since a position: its present item, or nothing. */
export interface Change {
  key: string;
  item: ListedItem | null;
}

/** A page of changes in the order of their keys: it stays right when more comes while it is read. */
export function pageOfChanges(changes: readonly Change[], { cursor, limit }: { cursor: string | null; limit: number }): ChangedPage {
  const after = cursor === null ? null : placeOf(cursor);
  const rest = changes.toSorted(byKey).filter(({ key }) => after === null || compare(key, after) > 0);
  const page = rest.slice(0, limit);
  const last = rest.length > limit ? page.at(-1) : undefined;
  return {
    items: page.flatMap(({ item }) => item ?? []),
    gone: page.flatMap(({ key, item }) => (item === null ? [key] : [])),
    next: last === undefined ? null : cursorOf(last.key),
  };
}

function byKey(a: Change, b: Change): number {
  return compare(a.key, b.key);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
