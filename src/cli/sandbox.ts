import { FAULTS, type Fault } from "../sandbox/platform/faults.ts";
import { startPlatform } from "../sandbox/platform/platform.ts";
import { EXIT, print, readWords, type Command } from "./command.ts";
import { needed } from "./platform.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `relais sandbox platform --relais URL --dir DIR [options]

Runs one reference platform (Ancre) on its own, until Ctrl-C: a platform from nothing, to try the register with, or to begin one's own from.

  --relais URL     the broker that it trusts: a Relais, or the issuer that "relais conformance run" prints
  --dir DIR        where it keeps its keys and what it receives; its key for the register is DIR/ancre/keys/documents.pem
  --port N         port on 127.0.0.1 (default: any free one)
  --fault NAME     wrong on purpose, may be given several times: ${FAULTS.join(", ")}`;

const OPTIONS = {
  relais: { type: "string" },
  dir: { type: "string" },
  port: { type: "string", default: "0" },
  fault: { type: "string", multiple: true },
} as const;

export const SANDBOX: Command = { summary: "run a reference platform on its own", help: HELP, run };

async function run(words: string[]): Promise<number> {
  const { values, positionals } = readWords(words, OPTIONS, HELP);
  if (positionals[0] !== "platform") throw new UsageError(`Say what to run: platform.\n\n${HELP}`);
  const faults = (values.fault ?? []).map(faultOf);
  const stopped = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopped.resolve());
  await using platform = await startPlatform({
    dataDir: needed(values, "dir"),
    seed: "relais",
    relais: needed(values, "relais").replace(/\/+$/, ""),
    host: "127.0.0.1",
    port: Number(values.port),
    faults,
  });
  print(`the platform is at ${platform.entityId}`);
  await stopped.promise;
  return EXIT.fine;
}

function faultOf(name: string): Fault {
  const found = FAULTS.find((fault) => fault === name);
  if (!found) throw new UsageError(`--fault: there is no fault "${name}". There are: ${FAULTS.join(", ")}.`);
  return found;
}
