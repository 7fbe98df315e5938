import { setTimeout as sleep } from "node:timers/promises";
import { randomInt } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { RelaisError } from "../core/errors.ts";

/**
 * Ports are chosen here and listened on a moment later, some by another process. Systems give outgoing connections the ports from 32768 on
 * (Linux) or 49152 on (RFC 6335 §6), so a port below is not taken by a connection meanwhile.
 */
const [LOWEST_PORT, HIGHEST_PORT] = [10_000, 32_767];
/** Each process walks on from a place of its own: no port is given twice, and two processes at once rarely meet. */
let lastPort = randomInt(LOWEST_PORT, HIGHEST_PORT);

/**
 * The port that this data folder uses for `name`: chosen at the first call, kept in `ports.json`, and the same from then on,
 * so that addresses handed to others stay true. `setting` is what the operator sets to choose another one.
 * @throws RelaisError `unavailable` where the remembered port is taken by another program.
 */
export async function rememberedPort(dataDir: string, name: string, setting = "RELAIS_DATA_DIR"): Promise<number> {
  const ports = await readPorts(dataDir);
  const known = ports[name];
  if (known === undefined) return rememberPort(dataDir, name, await freePort(Object.values(ports)));
  if (await isPortFree(known)) return known;
  throw portTaken(
    known,
    name,
    `${join(dataDir, "ports.json")} remembers it; stop the program that holds it, or remove the line "${name}" there, or set ${setting}.`,
  );
}

/** Says plainly that a port is busy, who can free it, and how to choose another one. */
export function portTaken(port: number, name: string, remedy: string): RelaisError {
  return new RelaisError("unavailable", `The port ${port} for ${name} is held by another program on this machine. ${remedy}`, {
    actor: "operator",
    details: { port, name },
  });
}

export async function rememberPort(dataDir: string, name: string, port: number): Promise<number> {
  await mkdir(dataDir, { recursive: true });
  const file = join(dataDir, "ports.json");
  await writeFile(`${file}.new`, `${JSON.stringify({ ...(await readPorts(dataDir)), [name]: port }, null, 2)}\n`);
  await rename(`${file}.new`, file);
  return port;
}

/** A port of 127.0.0.1 on which nobody listens, and that this process has not been given yet; none of `others`. */
export async function freePort(others: number[] = []): Promise<number> {
  for (let tries = LOWEST_PORT; tries <= HIGHEST_PORT; tries++) {
    lastPort = lastPort < HIGHEST_PORT ? lastPort + 1 : LOWEST_PORT;
    if (!others.includes(lastPort) && (await isPortFree(lastPort))) return lastPort;
  }
  throw new RelaisError("unavailable", "This machine gives no free port on 127.0.0.1. Close programs that listen there, and try again.", {
    actor: "operator",
  });
}

export function isPortFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", () => done(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => done(true)));
  });
}

async function readPorts(dataDir: string): Promise<Record<string, number>> {
  const file = join(dataDir, "ports.json");
  const text = await readFile(file, "utf8").catch(() => "{}");
  try {
    const ports: unknown = JSON.parse(text);
    return Object.fromEntries(Object.entries(Object(ports)).filter((entry): entry is [string, number] => Number.isInteger(entry[1])));
  } catch {
    throw new RelaisError("invalid", `${file} is not JSON. Remove it: ports are then chosen anew.`, { actor: "operator" });
  }
}

const PATIENCE_MILLISECONDS = 10_000;

/** As `rememberedPort`, where a program of the last run may need a moment to notice that its parent is gone, and to free its port. */
export async function freedPort(dataDir: string, name: string): Promise<number> {
  for (const end = Date.now() + PATIENCE_MILLISECONDS; ; await sleep(200)) {
    try {
      return await rememberedPort(dataDir, name);
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
