import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Entry } from "../../core/register/register-participant.ts";
import { accountsByPersona } from "../accounts/accounts.ts";
import type { ServerProcessSettings } from "./server-process.ts";

const STOP_MILLISECONDS = 5000;

export interface SolidSettings {
  dataDir: string;
  seed: string;
  host: string;
  /** 0 for any free port. */
  port: number;
}

export interface SolidServer extends AsyncDisposable {
  /** With a slash at its end. */
  url: string;
  /** What to register, once the server answers; null where it ended before. */
  ready: Promise<Entry | null>;
}

/**
 * A Community Solid Server on files, in a process of its own, with an account and a pod for each persona. Its address is
 * known at once; it answers some seconds later. Null where it is not installed.
 */
export async function startSolidServer({ dataDir, seed, host, port }: SolidSettings): Promise<SolidServer | null> {
  if (!isInstalled()) return null;
  const folder = join(dataDir, "solid");
  const seedConfig = join(folder, "accounts.json");
  await mkdir(join(folder, "files"), { recursive: true });
  await writeFile(seedConfig, JSON.stringify(accountsOf(seed)), { mode: 0o600 });
  // Socket paths are short (108 bytes), the data folder's may not be.
  const run = await mkdtemp(join(tmpdir(), "relais-solid-"));
  const socket = join(run, "http");
  const relay = await openRelay(socket, host, port);
  // The server believes a WebID over plain http at `localhost` only: at 127.0.0.1 every token would count as nobody's.
  const root = `http://${host === "127.0.0.1" ? "localhost" : host}:${relay.port}/`;
  const child = spawnServer({ baseUrl: root, socket, rootFilePath: join(folder, "files"), seedConfig });
  const ended = once(child, "exit");
  return {
    url: root,
    ready: Promise.race([once(child, "message").then(() => entryOf(root)), ended.then(() => null)]),
    [Symbol.asyncDispose]: async () => {
      await stop(child, ended);
      await relay[Symbol.asyncDispose]();
      await rm(run, { recursive: true, force: true });
    },
  };
}

function isInstalled(): boolean {
  try {
    return createRequire(import.meta.url).resolve("@solid/community-server/package.json") !== "";
  } catch {
    return false;
  }
}

function accountsOf(seed: string): object[] {
  return accountsByPersona(seed).map(({ persona, email, password }) => ({ email, password, pods: [{ name: persona.id }] }));
}

function spawnServer(settings: ServerProcessSettings): ChildProcess {
  const program = new URL("server-process.ts", import.meta.url).pathname;
  return spawn(process.execPath, [program, JSON.stringify(settings)], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const deadline = setTimeout(() => child.kill("SIGKILL"), STOP_MILLISECONDS);
  await ended;
  clearTimeout(deadline);
}

/** Bytes from an address of this machine to the server's socket, so that no other machine reaches it unasked. */
async function openRelay(socket: string, host: string, port: number): Promise<{ port: number } & AsyncDisposable> {
  const open = new Set<Socket>();
  const server = createServer((incoming) => {
    const outgoing = connect(socket);
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy()).on("close", () => (open.delete(from), to.destroySoon()));
    }
  });
  server.listen(port, host);
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: () => closeRelay(server, open) };
}

async function closeRelay(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, "close");
  server.close();
  for (const connection of open) connection.destroy();
  await closed;
}

/** The server publishes no entity configuration: the operator of the sandbox describes it. */
function entryOf(root: string): Entry {
  const origin = root.replace(/\/$/, "");
  return {
    description: {
      entityId: origin,
      name: "Pods du bac à sable",
      roles: ["platform"],
      adapter: "solid",
      endpoints: { root: origin, issuer: root },
      keys: [],
      datasets: [],
      about: { country: "FR", privacyContact: "dpo@pods-du-bac-a-sable.example" },
      client: null,
    },
  };
}
