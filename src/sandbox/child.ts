import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RelaisError } from "../core/errors.ts";
import type { Entry } from "../core/register/register-participant.ts";
import type { SandboxReady, SandboxSettings } from "./main.ts";

const STOP_MILLISECONDS = 8000;

export interface SandboxChild extends AsyncDisposable {
  /** Whom to register now. */
  participants: Entry[];
}

/** Who follows when they answer. */
interface LateComers {
  solid(entry: Entry): void;
  /** Entity identifiers. */
  bad(entityIds: string[]): void;
}

/**
 * The sandbox in a process of its own, so that nothing of it shares memory with Relais. It stops with its parent, however the parent ends.
 * @throws RelaisError `unavailable` where it ended instead of answering; its own words went to stderr.
 */
export async function startSandboxChild(settings: SandboxSettings, later: LateComers): Promise<SandboxChild> {
  const file = join(settings.dataDir, "settings.json");
  await mkdir(settings.dataDir, { recursive: true });
  await writeFile(file, JSON.stringify(settings, null, 2));
  // A group of its own: Ctrl-C in a terminal reaches Relais, which drains first.
  const child = spawn(process.execPath, [new URL("main.ts", import.meta.url).pathname, file], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    detached: true,
  });
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  const { participants } = await new Promise<SandboxReady>((done, fail) => {
    child.on("message", ({ ready, solid, bad }: { ready?: SandboxReady; solid?: Entry; bad?: string[] }) => {
      if (ready) done(ready);
      if (solid) later.solid(solid);
      if (bad) later.bad(bad);
    });
    child.once("exit", () => fail(new RelaisError("unavailable", "The sandbox did not start. Its own words are above.")));
  });
  return {
    participants,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await Promise.race([ended, sleep(STOP_MILLISECONDS, undefined, { ref: false })]);
      child.kill("SIGKILL");
    },
  };
}
