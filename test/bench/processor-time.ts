import { readFile } from "node:fs/promises";
import type pg from "pg";

/** Clock ticks in which Linux counts the time of a process. */
const TICK_MILLISECONDS = 10;

/** Milliseconds that this process and the connections of its database have computed so far; what a busy machine makes them wait is not in it. */
export async function processorTime(pool: pg.Pool): Promise<number> {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000 + (await processorTimeOf(await connectionsOf(pool)));
}

/** The same of other processes. */
export async function processorTimeOf(pids: number[]): Promise<number> {
  const ticks = await Promise.all(pids.map(ticksOf));
  return ticks.reduce((sum, one) => sum + one, 0) * TICK_MILLISECONDS;
}

/** The server processes of the connections to this database. */
export async function connectionsOf(pool: pg.Pool): Promise<number[]> {
  const { rows } = await pool.query<{ pid: number }>("select pid from pg_stat_activity where datname = current_database()");
  return rows.map(({ pid }) => pid);
}

/** User and system time, the 14th and 15th field of `/proc/<pid>/stat`; none where the database is elsewhere. */
async function ticksOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}
