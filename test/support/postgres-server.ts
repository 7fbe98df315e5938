import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "../../src/embedded/postgres.ts";
import { isAlive } from "../../src/embedded/process.ts";

/** How test/run.ts tells the test files where its server is. */
export const SERVER_VARIABLE = "TEST_DATABASE_URL";

/** Tests may lose their data in a power cut; they gain a third of their time. */
const FAST = { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_connections: "300" };

/** A PostgreSQL with nothing in it, gone without a trace at `stop`, or when this process ends. */
export const startTestServer = (): Promise<EmbeddedPostgres> => startPassing("relais-test-", FAST);

/** The same, as the product starts it: what is committed is on the disk. */
export const startDurableServer = (): Promise<EmbeddedPostgres> => startPassing("relais-bench-", {});

async function startPassing(prefix: string, settings: Record<string, string>): Promise<EmbeddedPostgres> {
  const dataDir = mkdtempSync(join(tmpdir(), prefix));
  const server = await startEmbeddedPostgres({ dataDir, settings, log: () => undefined });
  const vanish = () => {
    quitNow(server.pid);
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  };
  process.once("exit", vanish);
  return {
    ...server,
    stop: async () => {
      await server.stop();
      process.removeListener("exit", vanish);
      vanish();
    },
  };
}

/** Without the event loop, which has ended where this is needed. Its folder can be removed only once it is gone. */
function quitNow(pid: number): void {
  if (!isAlive(pid)) return;
  process.kill(pid, "SIGQUIT");
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 0; tries < 100 && isAlive(pid); tries++) Atomics.wait(clock, 0, 0, 20);
}

let server: Promise<string> | null = null;

/** URL of the run's server; a test file that is run alone starts one of its own. */
export function serverUrl(): Promise<string> {
  const given = process.env[SERVER_VARIABLE];
  return (server ??= given === undefined ? startTestServer().then(({ url }) => url) : Promise.resolve(given));
}
