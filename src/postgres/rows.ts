import { RelaisError } from "../core/errors.ts";

/** The row, or `not_found`. */
export function found<T>(row: T | undefined, kind: string): T {
  if (row === undefined) throw new RelaisError("not_found", `There is no ${kind} with this id.`);
  return row;
}

/** A value for a jsonb column. */
export function json(value: unknown): string {
  return JSON.stringify(value);
}

/** The column is null where the value is, not the JSON `null`. */
export function jsonOrNull(value: unknown): string | null {
  return value === null ? null : json(value);
}
