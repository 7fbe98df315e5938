import { readFile } from "node:fs/promises";
import type pg from "pg";

/** Clock ticks in which Linux counts the time of a process. */
const TICK_MILLISECONDS = 10;

/** Milliseconds that this process and the connections of its database have computed so far; what a busy machine makes them wait is not in it. */
export async function processorTime(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ pid: number }>("select pid from pg_stat_activity where datname = current_database()");
  const { user, system } = process.cpuUsage();
  const others = await Promise.all(rows.map(({ pid }) => ticksOf(pid)));
  return (user + system) / 1000 + others.reduce((sum, ticks) => sum + ticks, 0) * TICK_MILLISECONDS;
}

/** User and system time, the 14th and 15th field of `/proc/<pid>/stat`; none where the database is elsewhere. */
async function ticksOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}
