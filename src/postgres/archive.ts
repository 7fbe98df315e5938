import type pg from "pg";
import { RelaisError } from "../core/errors.ts";
import { SCHEMA } from "./pool.ts";

/** What migrations fill themselves, and what nobody takes along: people sign in again. */
const NOT_MOVED = ["migrations", "allowed_moves", "sessions"];
/** What migrations begin, and which rows are theirs: an import replaces these. */
const BEGUN: Readonly<Record<string, string>> = { notice_texts: "version = 1" };
const MOST_ROWS = 500;
const MOST_BYTES = 8 * 1024 * 1024;

export interface Migration {
  name: string;
  digest: string;
}

/** Everything at one moment. */
export interface Snapshot {
  migrations: Migration[];
  /** In an order in which they can be filled: no row before what it refers to. */
  tables: { name: string; rows: number }[];
  /** Each row as one line of JSON, as PostgreSQL itself writes it: nothing is rounded. Memory stays at a few rows. */
  rows(table: string): AsyncGenerator<string>;
}

/** Reads from one repeatable-read transaction: what happens meanwhile is not in it. */
export async function readSnapshot<T>(pool: pg.Pool, work: (snapshot: Snapshot) => Promise<T>): Promise<T> {
  return within(pool, "begin isolation level repeatable read read only", async (client) => {
    const tables = [];
    for (const name of await tablesInOrder(client)) tables.push({ name, rows: await countOf(client, name) });
    return work({ migrations: await migrationsOf(client), tables, rows: (table) => rowsOf(client, table) });
  });
}

/** An empty installation that is being filled. */
export interface Restoration {
  migrations: Migration[];
  /** @throws RelaisError `invalid` for a table that is not there. */
  add(table: string, rows: readonly string[]): Promise<void>;
}

/**
 * Fills an empty database in one transaction: it is committed where `work` returns, and nothing is there where it throws.
 * @throws RelaisError `conflict` where there is something already.
 */
export async function restoreInto<T>(pool: pg.Pool, work: (restoration: Restoration) => Promise<T>): Promise<T> {
  return within(pool, "begin", async (client) => {
    const tables = await tablesInOrder(client);
    for (const table of tables) {
      if ((await countOf(client, table, { most: 1, except: BEGUN[table] })) > 0)
        throw new RelaisError("conflict", `This installation is not empty (${table}). Import into a new one, before its first start.`, {
          actor: "operator",
        });
      // What happened is not happening again.
      await client.query(`alter table ${quoted(table)} disable trigger user`);
      if (table in BEGUN) await client.query(`delete from ${quoted(table)}`);
    }
    const columns = new Map(await Promise.all(tables.map(async (table) => [table, await columnsOf(client, table)] as const)));
    const result = await work({
      migrations: await migrationsOf(client),
      add: (table, rows) => addRows(client, { table, columns: columns.get(table), rows }),
    });
    for (const table of tables) {
      await client.query(`alter table ${quoted(table)} enable trigger user`);
      await continueNumbers(client, table, columns.get(table) ?? []);
    }
    return result;
  });
}

async function within<T>(pool: pg.Pool, begin: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query(begin);
    // Whoever reads or writes the archive may take its time; nobody else waits for this transaction.
    await client.query("set local idle_in_transaction_session_timeout = 0");
    const result = await work(client);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

const quoted = (name: string): string => `${SCHEMA}."${name.replaceAll('"', '""')}"`;

async function migrationsOf(client: pg.PoolClient): Promise<Migration[]> {
  return (await client.query<Migration>(`select name, digest from ${SCHEMA}.migrations order by name`)).rows;
}

async function countOf(
  client: pg.PoolClient,
  table: string,
  { most, except }: { most?: number; except?: string | undefined } = {},
): Promise<number> {
  const chosen = `${except === undefined ? "" : ` where not (${except})`}${most === undefined ? "" : ` limit ${most}`}`;
  const { rows } = await client.query<{ count: number }>(
    `select count(*)::int8 as count from (select from ${quoted(table)}${chosen}) found`,
  );
  return rows[0]?.count ?? 0;
}

/** No table before those that it refers to. */
async function tablesInOrder(client: pg.PoolClient): Promise<string[]> {
  const { rows } = await client.query<{ name: string; parents: string[] }>(
    `select c.relname as name, coalesce(array_agg(distinct p.relname::text) filter (where p.oid <> c.oid), '{}') as parents
     from pg_class c left join pg_constraint k on k.conrelid = c.oid and k.contype = 'f' left join pg_class p on p.oid = k.confrelid
     where c.relkind = 'r' and c.relnamespace = $1::regnamespace group by c.oid order by c.relname`,
    [SCHEMA],
  );
  const waiting = new Map(rows.filter(({ name }) => !NOT_MOVED.includes(name)).map(({ name, parents }) => [name, parents]));
  const ordered: string[] = [];
  while (waiting.size > 0) {
    const next = [...waiting].find(([, parents]) => !parents.some((parent) => waiting.has(parent)));
    if (!next) throw new RelaisError("internal", "Tables refer to each other in a circle.");
    ordered.push(next[0]);
    waiting.delete(next[0]);
  }
  return ordered;
}

interface Column {
  name: string;
  isBytes: boolean;
  isIdentity: boolean;
  /** Moved as text: JSON's own null is not the same as nothing. */
  isJson: boolean;
  type: string;
}

async function columnsOf(client: pg.PoolClient, table: string): Promise<Column[]> {
  const { rows } = await client.query<Column>(
    `select attname as name, atttypid = 'bytea'::regtype as "isBytes", attidentity <> '' as "isIdentity",
       atttypid = 'jsonb'::regtype as "isJson", format_type(atttypid, atttypmod) as type
     from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`,
    [quoted(table)],
  );
  return rows;
}

async function* rowsOf(client: pg.PoolClient, table: string): AsyncGenerator<string> {
  const columns = await columnsOf(client, table);
  const most = await rowsAtOnce(client, table, columns);
  const texts = columns.filter(({ isJson }) => isJson).map(({ name }) => `'${name}', "${name}"::text`);
  const row = texts.length === 0 ? "to_jsonb(one)" : `to_jsonb(one) || jsonb_build_object(${texts.join(", ")})`;
  await client.query(`declare archive no scroll cursor for select (${row})::text as row from ${quoted(table)} one`);
  try {
    for (;;) {
      const { rows } = await client.query<{ row: string }>(`fetch ${most} from archive`);
      for (const { row } of rows) yield row;
      if (rows.length < most) return;
    }
  } finally {
    await client.query("close archive").catch(() => undefined);
  }
}

/** Evidence may be 10 MiB a row, and twice that as text. */
async function rowsAtOnce(client: pg.PoolClient, table: string, columns: Column[]): Promise<number> {
  const bytes = columns.filter(({ isBytes }) => isBytes).map(({ name }) => `octet_length("${name}")`);
  if (bytes.length === 0) return MOST_ROWS;
  const { rows } = await client.query<{ longest: number | null }>(
    `select max(${bytes.join(" + ")})::int8 as longest from ${quoted(table)}`,
  );
  return Math.max(1, Math.min(MOST_ROWS, Math.floor(MOST_BYTES / (2 * (rows[0]?.longest ?? 1) + 1))));
}

async function addRows(
  client: pg.PoolClient,
  { table, columns, rows }: { table: string; columns: Column[] | undefined; rows: readonly string[] },
): Promise<void> {
  if (!columns)
    throw new RelaisError("invalid", "The file holds a table that this version of Relais does not have.", { actor: "operator" });
  if (rows.length === 0) return;
  const names = columns.map(({ name }) => `"${name}"`).join(", ");
  const values = columns.map(({ name, isJson }) => (isJson ? `"${name}"::jsonb` : `"${name}"`)).join(", ");
  const forms = columns.map(({ name, isJson, type }) => `"${name}" ${isJson ? "text" : type}`).join(", ");
  await client.query(
    `insert into ${quoted(table)} (${names}) overriding system value select ${values} from jsonb_to_recordset($1::jsonb) as one (${forms})`,
    [`[${rows.join(",")}]`],
  );
}

/** Numbers that the database gives go on behind the highest. */
async function continueNumbers(client: pg.PoolClient, table: string, columns: Column[]): Promise<void> {
  for (const { name } of columns.filter(({ isIdentity }) => isIdentity))
    await client.query(`select setval(pg_get_serial_sequence($1, $2), coalesce(max("${name}"), 0) + 1, false) from ${quoted(table)}`, [
      quoted(table),
      name,
    ]);
}
