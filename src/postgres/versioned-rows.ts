import { SCHEMA } from "./pool.ts";

export type Row = Record<string, unknown>;

/** A row and which version of it. */
export interface Place {
  id: string;
  version: string;
}

/** Rows that are remembered of one table. */
export const MOST = 2000;

/**
 * What tells one version of a row from every other: the transaction that wrote it, and where it lies (PostgreSQL, System Columns), under one start
 * of the server.
 */
export function versionOf(alias: string): string {
  return `(${alias}.xmin::text || ${alias}.ctid::text || extract(epoch from pg_postmaster_start_time()))`;
}

export type Ask = (name: string, text: string, values: unknown[]) => Promise<Row[]>;
export type VersionedRows<T> = (places: Place[]) => Promise<Map<string, T>>;

/**
 * Rows of a table as objects, by id. Which version there is was read just now by whoever asks; only what is not known of it is read here, so that
 * what is answered is never older than that. They are frozen: many share them.
 */
export function versionedRows<T>(ask: Ask, table: string, columns?: readonly string[]): VersionedRows<T> {
  const chosen = columns === undefined ? "t.*" : columns.map((name) => `t.${snake(name)}`).join(", ");
  const statement = `select t.* from unnest($1::text[]) as asked(id) cross join lateral (
      select t.id, ${versionOf("t")} as version, (select to_jsonb(r) from (select ${chosen}) r) as row
      from ${SCHEMA}.${table} t where t.id = asked.id offset 0) t`;
  const known = new Map<string, { version: string; value: T }>();
  return async (places) => {
    const missing = places.filter(({ id, version }) => known.get(id)?.version !== version).map(({ id }) => id);
    // Kept here too: another call may forget them meanwhile.
    const present = new Map(places.map(({ id }) => [id, known.get(id)?.value]));
    if (missing.length > 0) {
      for (const { id, version, row } of await ask(table, statement, [[...new Set(missing)]])) {
        const value = frozen(fromJson(row)) as T;
        if (known.size >= MOST) known.clear();
        known.set(id as string, { version: version as string, value });
        present.set(id as string, value);
      }
    }
    return new Map([...present].filter((entry): entry is [string, T & {}] => entry[1] !== undefined));
  };
}

function frozen(value: unknown): unknown {
  if (typeof value === "object" && value !== null && !(value instanceof Date)) {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}

/** A row that came as JSON: its times are texts, and are those whose name ends so. */
export function fromJson(value: unknown): unknown {
  const timed = (name: string, one: unknown) => (name.endsWith("_at") && typeof one === "string" ? new Date(one) : one);
  return Object.fromEntries(Object.entries(value as Row).map(([name, one]) => [camel(name), timed(name, one)]));
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
