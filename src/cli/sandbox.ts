import { ANCRE, BAD_NAMES, BAD_PLATFORMS, FAULTS, type Fault, type PlatformPersona } from "../sandbox/platform/personas.ts";
import { startPlatform } from "../sandbox/platform/platform.ts";
import { EXIT, print, readWords, type Command } from "./command.ts";
import { needed } from "./platform.ts";
import { createSandboxClient, SANDBOX_CLIENT_HELP } from "./sandbox-client.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `relais sandbox platform --relais URL --dir DIR [options]

Runs one platform on its own, until Ctrl-C: the reference (Ancre), to try the register with or to begin one's own from, or one that is bad on
purpose, to see what the checks find.

  --relais URL     the broker that it trusts: a Relais, or the issuer that "relais conformance run" prints
  --dir DIR        where it keeps its keys and what it receives; its key for the register is DIR/ancre/keys/documents.pem (DIR/NAME/… for a bad one)
  --port N         port on 127.0.0.1 (default: any free one)
  --persona NAME   one that is bad on purpose:
${BAD_NAMES.map((name) => `                   ${name.padEnd(10)} ${BAD_PLATFORMS[name].flaw.en}`).join("\n")}
  --fault NAME     wrong on purpose, may be given several times: ${FAULTS.join(", ")}

${SANDBOX_CLIENT_HELP}`;

const OPTIONS = {
  relais: { type: "string" },
  dir: { type: "string" },
  port: { type: "string", default: "0" },
  persona: { type: "string" },
  fault: { type: "string", multiple: true },
  json: { type: "boolean", default: false },
  out: { type: "string" },
  sandbox: { type: "string" },
  "redirect-uri": { type: "string", multiple: true },
} as const;

export const SANDBOX: Command = {
  summary: "run a reference platform on its own, or make a client for a program of yours",
  help: HELP,
  run,
};

async function run(words: string[]): Promise<number> {
  const { values, positionals } = readWords(words, OPTIONS, HELP);
  const what = positionals.join(" ");
  if (what === "client create") return createSandboxClient(values);
  if (what !== "platform") throw new UsageError(`Say what to do: platform, or client create.\n\n${HELP}`);
  return runPlatform(values);
}

async function runPlatform(values: ReturnType<typeof readWords<typeof OPTIONS>>["values"]): Promise<number> {
  const faults = (values.fault ?? []).map(faultOf);
  const stopped = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopped.resolve());
  await using platform = await startPlatform({
    dataDir: needed(values, "dir"),
    seed: "relais",
    relais: needed(values, "relais").replace(/\/+$/, ""),
    host: "127.0.0.1",
    port: Number(values.port),
    persona: personaOf(values.persona),
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

function personaOf(name: string | undefined): PlatformPersona {
  if (name === undefined) return ANCRE;
  const found = BAD_NAMES.find((bad) => bad === name);
  if (!found) throw new UsageError(`--persona: there is no "${name}". There are: ${BAD_NAMES.join(", ")}.`);
  return BAD_PLATFORMS[found];
}
