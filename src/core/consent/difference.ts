import type { Words } from "../catalogue/data-set.ts";
import type { Form } from "../conversion/conversions.ts";
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
  /** Null too where somebody else asks for the change: then it is the person's to choose with the answer. */
  forms: { before: Form[]; after: Form[] } | null;
}

export function differenceFrom(
  before: Before,
  after: Pick<Notice, "datasets" | "expires" | "recurrence" | "retention" | "forms">,
): Difference {
  const had = new Set(before.datasets.map(({ id }) => id));
  const has = new Set(after.datasets.map(({ id }) => id));
  return {
    kept: after.datasets.filter(({ id }) => had.has(id)),
    added: after.datasets.filter(({ id }) => !had.has(id)),
    removed: before.datasets.filter(({ id }) => !has.has(id)),
    expires: changed(before.expires, after.expires),
    recurrence: changed(before.recurrence, after.recurrence),
    retention: changed(before.retention, after.retention),
    forms: before.askedBy === "person" ? changedForms(before.forms ?? [], after.forms ?? []) : null,
  };
}

function changedForms(before: Form[], after: Form[]): Difference["forms"] {
  return before.join() === after.join() ? null : { before, after };
}

function changed<T>(before: T, after: T): { before: T; after: T } | null {
  return before === after ? null : { before, after };
}

export function isNothing({ added, removed, ...terms }: Difference): boolean {
  const { expires, recurrence, retention, forms } = terms;
  return added.length === 0 && removed.length === 0 && [expires, recurrence, retention, forms].every((one) => one === null);
}
