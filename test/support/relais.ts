import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { isPortFree } from "../../src/embedded/ports.ts";
import { isAlive, waitForEnd } from "../../src/embedded/process.ts";
import { startNode, type Ending, type Program } from "./processes.ts";

/** A real Relais as a newcomer starts it: one process with every role, embedded PostgreSQL, and the sandbox beside it. */
export interface RunningRelais extends AsyncDisposable {
  url: string;
  sandbox: Record<"home" | "identity" | "energy" | "insurance" | "telecom" | "ancre" | "solid", string>;
  dataDir: string;
  /** Of the process that runs now. */
  pid(): number;
  /** The embedded PostgreSQL, to look at what is written. */
  databaseUrl(): Promise<string>;
  /** Freezes every program of the sandbox but the Solid server, until the returned function is called: calls to them hang. */
  freezeSandbox(): Promise<() => void>;
  /** What every process of this data folder wrote so far. */
  output(): string;
  /** Sends the signal to Relais alone and waits for its end. What a killed one leaves behind runs on until `restart` or disposal. */
  kill(signal: NodeJS.Signals): Promise<Ending>;
  /** Starts it again on the same data folder and addresses, with other settings where they are given. */
  restart(env?: Record<string, string>): Promise<void>;
}

interface Options {
  /** Settings beside the defaults, `RELAIS_…`. */
  env?: Record<string, string>;
  /** False returns before the Solid server, the last to answer, is accredited. */
  withSolid?: boolean;
}

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const START_MILLISECONDS = 240_000;

export async function startRelais({ env = {}, withSolid = true }: Options = {}): Promise<RunningRelais> {
  const dataDir = await mkdtemp(join(tmpdir(), "relais-e2e-"));
  const past: string[] = [];
  let program = launch(dataDir, env);
  const start = async (): Promise<Told> => ready(dataDir, program, withSolid);
  const dispose = async (): Promise<void> => {
    await end(program);
    await endOrphans(dataDir);
    await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  const told = await start().catch(async (error: unknown) => {
    await dispose();
    throw error;
  });
  return {
    url: told.url,
    sandbox: told.sandbox,
    dataDir,
    pid: () => program.pid,
    databaseUrl: () => databaseUrlOf(dataDir),
    freezeSandbox: () => freezeSandboxOf(program.pid),
    output: () => [...past, program.output()].join(""),
    kill: (signal) => program.kill(signal),
    restart: async (changed = env) => {
      await end(program);
      await untilPortsAreFree(dataDir);
      past.push(program.output());
      program = launch(dataDir, changed);
      await start();
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** Settings of whoever runs the tests are not the test's. */
function launch(dataDir: string, env: Record<string, string>): Program {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(RELAIS|TEST|NODE)_/.test(name));
  return startNode([MAIN], { env: { ...Object.fromEntries(inherited), RELAIS_DATA_DIR: dataDir, ...env } });
}

/** Draining includes the sandbox and the database, which take some seconds to end. */
async function end(program: Program): Promise<void> {
  await Promise.race([program.kill("SIGTERM"), sleep(60_000, undefined, { ref: false })]);
  await program[Symbol.asyncDispose]();
}

interface Told {
  url: string;
  sandbox: RunningRelais["sandbox"];
}

async function ready(dataDir: string, program: Program, withSolid: boolean): Promise<Told> {
  await program.line(/^relais ready at /, START_MILLISECONDS);
  const told = JSON.parse(await readFile(join(dataDir, "relais.json"), "utf8")) as Told;
  if (withSolid) await untilSolidIsAccredited(told.url, program);
  return told;
}

async function untilSolidIsAccredited(url: string, program: Program): Promise<void> {
  for (const end = Date.now() + START_MILLISECONDS; Date.now() < end; await sleep(200)) {
    const { participants } = (await (await fetch(`${url}/v1/participants`)).json()) as {
      participants: { adapter: string; trust_mark: unknown }[];
    };
    if (participants.some(({ adapter, trust_mark }) => adapter === "solid" && trust_mark !== null)) return;
  }
  throw new Error(`The Solid server was not accredited in time; the program wrote:\n${program.output()}`);
}

async function databaseUrlOf(dataDir: string): Promise<string> {
  const { password } = JSON.parse(await readFile(join(dataDir, "postgres.json"), "utf8")) as { password: string };
  const { postgres } = JSON.parse(await readFile(join(dataDir, "ports.json"), "utf8")) as { postgres: number };
  return `postgres://relais:${password}@127.0.0.1:${postgres}/postgres`;
}

async function freezeSandboxOf(parent: number): Promise<() => void> {
  const { stdout } = await promisify(execFile)("pgrep", ["-P", String(parent), "-f", "sandbox/main.ts"]);
  const pid = Number(stdout.trim());
  process.kill(pid, "SIGSTOP");
  return () => void process.kill(pid, "SIGCONT");
}

/** The sandbox of a killed Relais ends by itself, a moment later. */
async function untilPortsAreFree(dataDir: string): Promise<void> {
  const { postgres: _, ...ports } = JSON.parse(await readFile(join(dataDir, "ports.json"), "utf8")) as Record<string, number>;
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(100)) {
    const free = await Promise.all(Object.values(ports).map(isPortFree));
    if (!free.includes(false)) return;
  }
}

/** A database that outlived a killed Relais; its files may lie outside the data folder. */
async function endOrphans(dataDir: string): Promise<void> {
  const known = await readFile(join(dataDir, "postgres.json"), "utf8").catch(() => null);
  if (known === null) return;
  await untilPortsAreFree(dataDir);
  const { place } = JSON.parse(known) as { place: string };
  const pid = Number((await readFile(join(place, "data", "postmaster.pid"), "utf8").catch(() => "")).split("\n")[0]);
  if (pid > 0 && isAlive(pid)) process.kill(pid, "SIGQUIT");
  if (pid > 0) await waitForEnd(pid, 60_000);
  await rm(place, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
