import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tiedToUs } from "./children.ts";

/** A foreign server as its own process in a folder of its own; disposing ends both. */
export interface ServerProcess extends AsyncDisposable {
  url: string;
  folder: string;
  /** Of the process that was started; it may have others. */
  pid: number;
}

export const temporaryFolder = (name: string): Promise<string> => mkdtemp(join(tmpdir(), `relais-${name}-`));

/** Starts a command and waits until its address answers at all. */
export async function startProcess(
  command: string,
  args: string[],
  { url, folder, seconds = 30 }: { url: string; folder: string; seconds?: number },
): Promise<ServerProcess> {
  const child = tiedToUs(spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] }));
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
  const exited = once(child, "exit");
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  for (let waited = 0; waited < seconds * 10; waited++) {
    if (child.exitCode !== null) break;
    const answers = await fetch(url, { redirect: "manual" }).then(
      (answer) => answer.body?.cancel().then(() => true) ?? true,
      () => false,
    );
    if (answers) return { url, folder, pid: child.pid ?? 0, [Symbol.asyncDispose]: stop };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await stop();
  throw new Error(`${command} did not start: ${said}`);
}
