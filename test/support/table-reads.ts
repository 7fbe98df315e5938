import type pg from "pg";
import { ROW_BY_ROW } from "../../src/postgres/pool.ts";

/** Whole reads, and rows that were read in any way. */
export interface Reads {
  scans: number;
  rows: number;
}

/** What the connections of this pool read of these tables so far; none of them is at work. */
export async function readsOf(pool: pg.Pool, ...tables: string[]): Promise<Record<string, Reads>> {
  // Each connection tells what it did when it likes to, seconds later, unless it is told to.
  const clients = await Promise.all(Array.from({ length: pool.totalCount }, () => pool.connect()));
  for (const client of clients) await client.query("select pg_stat_force_next_flush()");
  for (const client of clients) client.release();
  const { rows } = await pool.query<Reads & { name: string }>(
    `select relname as name, seq_scan::int as scans, (seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows
     from pg_stat_user_tables where relname = any ($1)`,
    [tables],
  );
  return Object.fromEntries(rows.map(({ name, ...reads }) => [name, reads]));
}

/** As many more rows like one that this table has; nobody has counted them. `others`: the columns in which they differ from it, beside their ids. */
export async function addAlike(pool: pg.Pool, table: string, count: number, others: object = {}): Promise<void> {
  const client = await pool.connect();
  // What a trigger of the table looks up for each of them is planned for what there was.
  await client.query("begin; set local enable_seqscan = off");
  await client.query(
    `insert into ${table} select (jsonb_populate_record(one, jsonb_build_object('id', left(one.id, 4) || left(md5(random()::text), 22)) || $2::jsonb)).*
     from (select * from ${table} limit 1) head, ${table} one, generate_series(1, $1::int) where one.id = head.id`,
    [count, others],
  );
  await client.query("commit");
  client.release();
}

interface PlanNode {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Index Cond"?: string;
  Plans?: PlanNode[];
}

/** Of each statement that the connections of this pool have prepared: where it reaches rows by anything else than the first columns of an index. */
export async function waysWithoutKey(pool: pg.Pool): Promise<Record<string, string[]>> {
  const clients = await Promise.all(Array.from({ length: pool.totalCount }, () => pool.connect()));
  try {
    const ways = await Promise.all(clients.map(waysOf));
    const byName = Map.groupBy(
      ways.flatMap((one) => Object.entries(one)),
      ([name]) => name,
    );
    return Object.fromEntries([...byName].map(([name, same]) => [name, same.flatMap(([, own]) => own)]));
  } finally {
    for (const client of clients) client.release();
  }
}

async function waysOf(client: pg.PoolClient): Promise<Record<string, string[]>> {
  // As they are planned: whoever asks by another pool says so for a transaction.
  const settings = Object.entries({ ...ROW_BY_ROW, plan_cache_mode: "force_generic_plan" });
  await client.query(`begin; ${settings.map(([name, value]) => `set local ${name} = ${value}`).join("; ")}`);
  try {
    return await plannedWays(client);
  } finally {
    await client.query("rollback");
  }
}

async function plannedWays(client: pg.PoolClient): Promise<Record<string, string[]>> {
  const { rows: indexes } = await client.query<{ name: string; first: string }>(
    `select c.relname as name, pg_get_indexdef(i.indexrelid, 1, true) as first from pg_index i join pg_class c on c.oid = i.indexrelid`,
  );
  const firstOf = new Map(indexes.map(({ name, first }) => [name, first]));
  const { rows } = await client.query<{ name: string; many: number }>(
    "select name, cardinality(parameter_types) as many from pg_prepared_statements where name <> ''",
  );
  const ways: Record<string, string[]> = {};
  for (const { name, many } of rows) {
    const values = many === 0 ? "" : `(${Array.from({ length: many }, () => "null").join(", ")})`;
    const explained = await client.query(`explain (format json) execute "${name}"${values}`);
    ways[name] = nodesOf(explained.rows[0]["QUERY PLAN"][0].Plan)
      .filter((node) => reachesRows(node) && !isKeyed(node, firstOf))
      .map((node) => ["Node Type", "Relation Name", "Index Name"].flatMap((key) => node[key as "Node Type"] ?? []).join(" "))
      .sort();
  }
  return ways;
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];
/** What a bitmap names, its index found. */
const reachesRows = ({ "Node Type": type, ...node }: PlanNode): boolean =>
  type !== "Bitmap Heap Scan" && type.endsWith(" Scan") && (node["Relation Name"] ?? node["Index Name"]) !== undefined;

function isKeyed({ "Index Name": index = "", "Index Cond": condition = "" }: PlanNode, firstOf: Map<string, string>): boolean {
  const first = firstOf.get(index)?.replace(/\W/g, "\\$&");
  return first !== undefined && new RegExp(`\\b${first}\\b`).test(condition);
}
