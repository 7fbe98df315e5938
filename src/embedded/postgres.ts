import { spawn } from "node:child_process";
import { chown, open, readFile, realpath, stat, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { totalmem } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RelaisError } from "../core/errors.ts";
import { identity, openCluster, type Cluster } from "./cluster.ts";
import { lockDataDir } from "./lock.ts";
import { freePort, isPortFree, portTaken, rememberedPort, rememberPort } from "./ports.ts";
import { isAlive, isWorkedIn, waitForEnd, worksIn } from "./process.ts";

export interface EmbeddedPostgres extends AsyncDisposable {
  /** Connects as the owner of everything in it, with the password. */
  url: string;
  port: number;
  pid: number;
  /** Ends PostgreSQL, its connections included, once what was committed is on disk; then frees the data folder. */
  stop(): Promise<void>;
}

interface Options {
  dataDir: string;
  /** Unset: the remembered one, or chosen at the first start. */
  port?: number;
  log: (line: string) => void;
  /** Further PostgreSQL settings by name. */
  settings?: Record<string, string>;
}

/** Of a running PostgreSQL: the lines of its postmaster.pid that matter here. */
interface Running {
  pid: number;
  port: number;
  status: string;
}

const START_SECONDS = 60;
const SETTINGS = {
  timezone: "UTC",
  log_timezone: "UTC",
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "100",
  password_encryption: "scram-sha-256",
  shared_buffers: `${sharedBuffers(machineMemory())}MB`,
};

/** In MB: a quarter of the memory, as the PostgreSQL documentation advises (20.4.1), and no more than what the register of a country's holder needs. */
export function sharedBuffers(memoryBytes: number): number {
  return Math.min(1024, Math.max(128, Math.floor(memoryBytes / 4 / 1_048_576)));
}

/** Of this machine, or of the container in it. */
function machineMemory(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Infinity);
}

/**
 * PostgreSQL for one data folder, on 127.0.0.1 only. A server that outlived a killed Relais is taken over as it is.
 * @throws RelaisError `conflict` where another Relais runs on the folder, `unavailable` with what the operator can do.
 */
export async function startEmbeddedPostgres({ dataDir, port, log, settings = {} }: Options): Promise<EmbeddedPostgres> {
  const folder = resolve(dataDir);
  const lock = await lockDataDir(folder);
  try {
    const cluster = await openCluster(await realpath(folder));
    const running = (await findOrphan(cluster, log)) ?? (await launch(cluster, await choosePort(folder, port), settings, log));
    if (running.port !== port) await rememberPort(folder, "postgres", running.port);
    const stop = once(async () => {
      await stopServer(running.pid, cluster);
      await lock.release();
    });
    return {
      url: `postgres://relais:${cluster.password}@127.0.0.1:${running.port}/postgres`,
      port: running.port,
      pid: running.pid,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Nothing but Relais uses the database's port, so a remembered one that was taken meanwhile is exchanged rather than fought for. */
async function choosePort(folder: string, asked: number | undefined): Promise<number> {
  if (asked === undefined) return rememberedPort(folder, "postgres").catch(() => freePort());
  if (await isPortFree(asked)) return asked;
  throw portTaken(asked, "PostgreSQL", "Stop that program, or leave the choice to Relais.");
}

/** A server of this very folder that still runs: its pid file names it, and it works in the folder. */
async function findOrphan(cluster: Cluster, log: (line: string) => void): Promise<Running | null> {
  const data = join(cluster.place, "data");
  const found = await readPidFile(data);
  if (found === null) return null;
  if (!isAlive(found.pid) || worksIn(found.pid, data) === false) return dropStalePidFile(data);
  if (found.status === "stopping") {
    log("waiting for the database of the last run to end");
    await waitForEnd(found.pid, START_SECONDS * 1000);
    return null;
  }
  log(`taking over the database of the last run (process ${found.pid})`);
  const running = await waitUntilReady(cluster, found.pid).catch((error: unknown) => {
    if (isAlive(found.pid)) throw error;
    return null;
  });
  if (running !== null && (await answers(running.port))) return running;
  // It was killed too, and was still ending when it was looked at.
  await waitForEnd(found.pid, START_SECONDS * 1000);
  return dropStalePidFile(data);
}

/** An SSLRequest, to which every PostgreSQL says yes or no in one byte (PostgreSQL documentation, "Message Formats"). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/** A file says what was; only an answer says what is. */
function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ port, host: "127.0.0.1", timeout: START_SECONDS * 1000 }, () => socket.write(SSL_REQUEST));
    const end = (isThere: boolean) => {
      socket.destroy();
      done(isThere);
    };
    socket.once("data", () => end(true));
    for (const event of ["error", "close", "timeout"]) socket.once(event, () => end(false));
  });
}

/**
 * PostgreSQL refuses to start where another program has the number in its pid file, as after a reboot, or where init never collected the dead
 * server. The file may go only once no process of the dead server works in the folder: two servers on one folder destroy it.
 */
async function dropStalePidFile(data: string): Promise<null> {
  for (let tries = 0; tries < 200 && isWorkedIn(data) === true; tries++) await sleep(50);
  if (isWorkedIn(data) === false) await unlink(join(data, "postmaster.pid"));
  return null;
}

async function launch(cluster: Cluster, port: number, settings: Record<string, string>, log: (line: string) => void): Promise<Running> {
  const words = Object.entries({ ...SETTINGS, ...settings, port: String(port) }).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  await using logFile = await openLog(cluster);
  // A process group of its own: Ctrl-C in a terminal must reach Relais, which drains first, and not the database.
  const child = spawn(cluster.binaries.postgres, ["-D", join(cluster.place, "data"), ...words], {
    cwd: cluster.place,
    env: { LC_ALL: "C", TZ: "UTC" },
    stdio: ["ignore", logFile.fd, logFile.fd],
    detached: true,
    ...identity(cluster.account),
  });
  const pid = await spawned(child, cluster);
  child.unref();
  log(`starting PostgreSQL on port ${port}`);
  return waitUntilReady(cluster, pid);
}

function spawned(child: ReturnType<typeof spawn>, cluster: Cluster): Promise<number> {
  return new Promise((done, fail) => {
    child.once("error", (cause) =>
      fail(
        new RelaisError("unavailable", `${cluster.binaries.postgres} could not be run. Run "npm ci" again.`, { actor: "operator", cause }),
      ),
    );
    child.once("spawn", () => done(child.pid ?? 0));
  });
}

/** PostgreSQL writes "ready" into its pid file once it takes connections: no client is needed to see it. */
async function waitUntilReady(cluster: Cluster, pid: number): Promise<Running> {
  for (const end = Date.now() + START_SECONDS * 1000; Date.now() < end && isAlive(pid); await sleep(20)) {
    const running = await readPidFile(join(cluster.place, "data"));
    if (running?.pid === pid && running.status === "ready") return running;
  }
  if (isAlive(pid)) process.kill(pid, "SIGQUIT");
  const file = join(cluster.place, "log");
  const words = (await readFile(file, "utf8").catch(() => "")).trimEnd().split("\n").slice(-3).join(" / ");
  throw new RelaisError("unavailable", `PostgreSQL did not start. Its own words, at the end of ${file}: ${words}`, { actor: "operator" });
}

/** Lines of the file: pid, data folder, start time, port, socket folder, address, shared memory, status. */
async function readPidFile(data: string): Promise<Running | null> {
  const lines = (await readFile(join(data, "postmaster.pid"), "utf8").catch(() => "")).split("\n");
  if (lines[0] === undefined || lines[0] === "") return null;
  return { pid: Number(lines[0]), port: Number(lines[3] ?? 0), status: (lines[7] ?? "").trim() };
}

/** Begins anew once it has grown past 8 MB: nobody else trims it. */
async function openLog(cluster: Cluster) {
  const file = join(cluster.place, "log");
  const size = (await stat(file).catch(() => null))?.size ?? 0;
  const handle = await open(file, size > 8_388_608 ? "w" : "a", 0o600);
  if (cluster.account !== null) await chown(file, cluster.account.uid, cluster.account.gid);
  return handle;
}

/** SIGINT is PostgreSQL's fast shutdown: open transactions are rolled back, what was committed is written, connections end. */
async function stopServer(pid: number, cluster: Cluster): Promise<void> {
  if (!isAlive(pid)) return;
  process.kill(pid, "SIGINT");
  if (await waitForEnd(pid, 15_000)) return;
  // SIGQUIT ends it at once; the next start recovers from the write-ahead log, as after a power cut.
  process.kill(pid, "SIGQUIT");
  if (await waitForEnd(pid, 5_000)) return;
  throw new RelaisError("unavailable", `PostgreSQL (process ${pid}) does not end. Its log is ${join(cluster.place, "log")}.`, {
    actor: "operator",
  });
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () => (running ??= work());
}
