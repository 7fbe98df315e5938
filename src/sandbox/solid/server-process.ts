import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { AppRunner } from "@solid/community-server";
import { reporter } from "../peer/reports.ts";

/** What the parent passes as the first argument, as JSON. */
export interface ServerProcessSettings {
  baseUrl: string;
  /** Unix socket, alone in its folder: the server itself can only listen on every address of the machine, or on a socket. */
  socket: string;
  rootFilePath: string;
  seedConfig: string;
}

/** The Community Solid Server as a child: it stops when it is told to, and when its parent is gone. */
async function main(settings: ServerProcessSettings): Promise<void> {
  const app = await new AppRunner().create({ config: "@css:config/file.json", shorthand: { ...settings, loggingLevel: "error" } });
  await app.start();
  const stop = (): void => void end(app, settings);
  process.once("SIGTERM", stop);
  process.once("disconnect", stop);
  if (process.connected) process.send?.({ ready: true });
  else stop();
}

/** The server leaves timers behind: nothing else would end the process. */
async function end(app: { stop(): Promise<void> }, { socket }: ServerProcessSettings): Promise<void> {
  await app.stop().catch(reporter("solid"));
  await rm(dirname(socket), { recursive: true, force: true });
  process.exit();
}

await main(JSON.parse(process.argv[2] ?? "{}") as ServerProcessSettings);
