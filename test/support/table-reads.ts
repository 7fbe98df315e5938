import type pg from "pg";

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
