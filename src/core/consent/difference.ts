import type { Words } from "../catalogue/data-set.ts";
import type { Before, Notice } from "./consent.ts";

interface Titled {
  id: string;
  title: Words;
}

/** What a change or a renewal makes different, before and after. Null where a member stays as it was. */
export interface Difference {
  kept: Titled[];
  added: Titled[];
  removed: Titled[];
  expires: { before: string; after: string } | null;
  recurrence: { before: string | null; after: string | null } | null;
  retention: { before: string | null; after: string | null } | null;
}

export function differenceFrom(before: Before, after: Pick<Notice, "datasets" | "expires" | "recurrence" | "retention">): Difference {
  const had = new Set(before.datasets.map(({ id }) => id));
  const has = new Set(after.datasets.map(({ id }) => id));
  return {
    kept: after.datasets.filter(({ id }) => had.has(id)),
    added: after.datasets.filter(({ id }) => !had.has(id)),
    removed: before.datasets.filter(({ id }) => !has.has(id)),
    expires: changed(before.expires, after.expires),
    recurrence: changed(before.recurrence, after.recurrence),
    retention: changed(before.retention, after.retention),
  };
}

function changed<T>(before: T, after: T): { before: T; after: T } | null {
  return before === after ? null : { before, after };
}

export function isNothing({ added, removed, expires, recurrence, retention }: Difference): boolean {
  return added.length === 0 && removed.length === 0 && expires === null && recurrence === null && retention === null;
}
