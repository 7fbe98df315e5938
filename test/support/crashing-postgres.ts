import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { startEmbeddedPostgres } from "../../src/embedded/postgres.ts";
import { waitForEnd } from "../../src/embedded/process.ts";

/** A PostgreSQL of its own, as the product starts it: what is committed is on the disk. */
export interface CrashingPostgres extends AsyncDisposable {
  url: string;
  port: number;
  /** Of the present server. */
  pid(): number;
  /** As `pg_ctl restart -m immediate`: every session ends in the middle, and the write-ahead log is replayed. Down for so many milliseconds. */
  crash(down: number): Promise<void>;
  /** Ends the sessions of Relais, so many at random. Returns how many there were. */
  terminate(most: number): Promise<number>;
}

export async function startCrashingPostgres(): Promise<CrashingPostgres> {
  const dataDir = await mkdtemp(join(tmpdir(), "relais-crashing-"));
  const start = (port?: number) => startEmbeddedPostgres({ dataDir, log: () => undefined, ...(port === undefined ? {} : { port }) });
  let server = await start();
  const { port, url } = server;
  return {
    url,
    port,
    pid: () => server.pid,
    crash: async (down) => {
      process.kill(server.pid, "SIGQUIT");
      if (!(await waitForEnd(server.pid, 15_000))) throw new Error("PostgreSQL did not end");
      await server.stop();
      await sleep(down);
      server = await start(port);
    },
    terminate: async (most) => {
      const client = new pg.Client({ connectionString: url, application_name: "faults" });
      await client.connect();
      const { rowCount } = await client.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() order by random() limit $1",
        [most],
      );
      await client.end();
      return rowCount ?? 0;
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
