import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./ports.ts";
import { startProgram } from "./processes.ts";

export interface RedisServer extends AsyncDisposable {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

/** A redis-server of its own on 127.0.0.1, set as production must be (append-only file, noeviction). Give a port to start it again where it was. */
export async function startRedis(port?: number): Promise<RedisServer> {
  const chosen = port ?? (await freePort());
  const folder = await mkdtemp(join(tmpdir(), "relais-redis-"));
  const words = [
    "--port",
    String(chosen),
    "--bind",
    "127.0.0.1",
    "--dir",
    folder,
    "--appendonly",
    "yes",
    "--maxmemory-policy",
    "noeviction",
    "--save",
    "",
  ];
  const program = startProgram("redis-server", words);
  const stop = async () => {
    await program[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await program.line(/Ready to accept connections/);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `redis://127.0.0.1:${chosen}`, pid: program.pid, stop, [Symbol.asyncDispose]: stop };
}
