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
  await pool.query(
    `insert into ${table} select (jsonb_populate_record(one, jsonb_build_object('id', left(one.id, 4) || left(md5(random()::text), 22)) || $2::jsonb)).*
     from (select * from ${table} limit 1) head, ${table} one, generate_series(1, $1::int) where one.id = head.id`,
    [count, others],
  );
}

interface PlanNode {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Index Cond"?: string;
  Plans?: PlanNode[];
}

/** How the statements that the connections of this pool have prepared reach rows by anything else than a key of an index: statement, table and way. */
export async function readsWithoutKey(pool: pg.Pool): Promise<string[]> {
  const clients = await Promise.all(Array.from({ length: pool.totalCount }, () => pool.connect()));
  const found = new Set<string>();
  for (const client of clients) {
    // As they are planned: whoever asks by another pool says so for a transaction.
    const settings = Object.entries({ ...ROW_BY_ROW, plan_cache_mode: "force_generic_plan" });
    await client.query(`begin; ${settings.map(([name, value]) => `set local ${name} = ${value}`).join("; ")}`);
    const { rows } = await client.query<{ name: string; many: number }>(
      "select name, cardinality(parameter_types) as many from pg_prepared_statements where name <> ''",
    );
    for (const { name, many } of rows) {
      const values = many === 0 ? "" : `(${Array.from({ length: many }, () => "null").join(", ")})`;
      const explained = await client.query(`explain (format json) execute "${name}"${values}`);
      for (const node of nodesOf(explained.rows[0]["QUERY PLAN"][0].Plan))
        if (node["Relation Name"] !== undefined && node["Node Type"].endsWith(" Scan") && !isKeyed(node))
          found.add(`${name}: ${node["Relation Name"]}, ${node["Node Type"]} ${node["Index Name"] ?? ""}`.trim());
    }
    await client.query("rollback");
    client.release();
  }
  return [...found].sort();
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];
const isKeyed = (node: PlanNode): boolean => node["Index Cond"] !== undefined || node["Node Type"] === "Bitmap Heap Scan";
