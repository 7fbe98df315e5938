import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Participant } from "../../src/core/register/participant.ts";
import type { FaultWorld } from "./fault-relais.ts";
import { freePort } from "./ports.ts";
import { startNode, type Program } from "./processes.ts";

export const CLI = new URL("../../src/cli/relais.ts", import.meta.url).pathname;

/** A reference device in a process of its own, that asks Relais each second for what waits in its mailbox. */
export interface DeviceBeside extends AsyncDisposable {
  program: Program;
  participant: Participant;
  /** Where it keeps its keys and what it received. */
  folder: string;
  /** The names of what it keeps for this account and dataset. */
  kept(account: string, dataset: string): Promise<string[]>;
}

/** Relais must be there already: the device reads its keys. */
export async function startDeviceBeside(world: FaultWorld): Promise<DeviceBeside> {
  const port = String(await freePort());
  const dir = join(world.dir, "galet");
  const program = startNode([CLI, "sandbox", "device", "--relais", world.url, "--dir", dir, "--port", port, "--every", "1"]);
  const folder = join(dir, "device");
  try {
    const [, url = ""] = await program.line(/the device is at (\S+)/);
    const kept: DeviceBeside["kept"] = (account, dataset) => readdir(join(folder, "items", account, dataset)).catch(() => []);
    return { program, participant: await world.register(url), folder, kept, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}
