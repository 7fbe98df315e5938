import { readFile } from "node:fs/promises";
import type pg from "pg";

/** Clock ticks in which Linux counts the time of a process. */
const TICK_MILLISECONDS = 10;

/** Milliseconds that this process and its database have computed so far; what a busy machine makes them wait is not in it. */
export async function processorTime(pool: pg.Pool): Promise<number> {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000 + (await databaseTime(pool));
}

/** The same of another process. */
export async function processorTimeOf(pid: number): Promise<number> {
  return (await timesOf(pid)).own;
}

/** The same of the database's server with all its connections, those that are closed by now too; none where it is elsewhere. */
export async function databaseTime(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ pid: number }>("select pg_backend_pid() as pid");
  const { parent } = await timesOf(rows[0]?.pid ?? 0);
  const children = await readFile(`/proc/${parent}/task/${parent}/children`, "utf8").catch(() => "");
  const { own, ended } = await timesOf(parent);
  const live = await Promise.all(
    children
      .trim()
      .split(" ")
      .map((child) => processorTimeOf(Number(child))),
  );
  return live.reduce((sum, one) => sum + one, own + ended);
}

/** The fields 4 and 14 to 17 of `/proc/<pid>/stat`: user and system time, of the process itself and of its children that ended. */
async function timesOf(pid: number): Promise<{ parent: number; own: number; ended: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const of = (field: number): number => Number(fields[field - 3] ?? 0);
  return { parent: of(4), own: (of(14) + of(15)) * TICK_MILLISECONDS, ended: (of(16) + of(17)) * TICK_MILLISECONDS };
}
