import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";

/** Whole reads, and rows that were read in any way. */
export interface Reads {
  scans: number;
  rows: number;
}

/** What was read of these tables so far, once all connections have told what they did: each does when it has been idle for a second. */
export async function readsOf(pool: pg.Pool, ...tables: string[]): Promise<Record<string, Reads>> {
  for (let last = "", tries = 0; tries < 20; tries++) {
    await sleep(600);
    await pool.query("select pg_stat_force_next_flush()");
    const { rows } = await pool.query<Reads & { name: string }>(
      `select relname as name, seq_scan::int as scans, (seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows
       from pg_stat_user_tables where relname = any ($1) order by 1`,
      [tables],
    );
    const counts = Object.fromEntries(rows.map(({ name, ...reads }) => [name, reads]));
    if (JSON.stringify(counts) === last) return counts;
    last = JSON.stringify(counts);
  }
  throw new Error("something reads all the time");
}
