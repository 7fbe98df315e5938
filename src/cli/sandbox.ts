import { startDevice } from "../sandbox/device/device.ts";
import { startHolder } from "../sandbox/holder/holder.ts";
import { HOLDER_FAULTS, HOSTILE_HOLDERS, HOSTILE_NAMES, isOnAnother } from "../sandbox/holder/personas.ts";
import { ANCRE, BAD_NAMES, BAD_PLATFORMS, FAULTS } from "../sandbox/platform/personas.ts";
import { startPlatform } from "../sandbox/platform/platform.ts";
import { EXIT, needed, print, readWords, type Command } from "./command.ts";
import { createSandboxClient, SANDBOX_CLIENT_HELP } from "./sandbox-client.ts";
import { UsageError } from "./usage-error.ts";

const listed = (all: Readonly<Record<string, { flaw: { en: string } }>>): string =>
  Object.entries(all)
    .map(([name, { flaw }]) => `                   ${name.padEnd(10)} ${flaw.en}`)
    .join("\n");

const HELP = `relais sandbox platform --relais URL --dir DIR [options]

Runs one platform on its own, until Ctrl-C: the reference (Ancre), to try the register with or to begin one's own from, or one that is bad on
purpose, to see what the checks find.

  --relais URL     the broker that it trusts: a Relais, or the issuer that "relais conformance run" prints
  --dir DIR        where it keeps its keys and what it receives; its key for the register is DIR/ancre/keys/documents.pem (DIR/NAME/… for a bad one)
  --port N         port on 127.0.0.1 (default: any free one)
  --persona NAME   one that is bad on purpose:
${listed(BAD_PLATFORMS)}
  --fault NAME     wrong on purpose, may be given several times: ${FAULTS.join(", ")}

relais sandbox holder --relais URL --dir DIR [options]

Runs one holder on its own, until Ctrl-C: one with the data of the energy company of the sandbox, or one that attacks the people who come to sign in
there. What it caught is at its /caught. --relais, --dir and --port as above.

  --persona NAME   one that attacks:
${listed(HOSTILE_HOLDERS)}
  --victim URL     another holder, where people have an account too: for attacks on it
  --fault NAME     wrong on purpose, may be given several times: ${HOLDER_FAULTS.join(", ")}

relais sandbox device --relais URL --dir DIR [options]

Runs one platform without an inbox on its own, until Ctrl-C: it fetches what waits for it at Relais, sealed to its key, and keeps it in
DIR/device/items. --relais, --dir and --port as above; its page says who it is and signs the invented people in.

  --every N        seconds between two looks (default: 5)

${SANDBOX_CLIENT_HELP}`;

const OPTIONS = {
  relais: { type: "string" },
  dir: { type: "string" },
  port: { type: "string", default: "0" },
  persona: { type: "string" },
  fault: { type: "string", multiple: true },
  victim: { type: "string" },
  every: { type: "string", default: "5" },
  json: { type: "boolean", default: false },
  out: { type: "string" },
  sandbox: { type: "string" },
  "redirect-uri": { type: "string", multiple: true },
} as const;

export const SANDBOX: Command = {
  summary: "run a platform, a device or a holder on its own, also one that is bad on purpose, or make a client for a program of yours",
  help: HELP,
  run,
};

async function run(words: string[]): Promise<number> {
  const { values, positionals } = readWords(words, OPTIONS, HELP);
  const what = positionals.join(" ");
  if (what === "client create") return createSandboxClient(values);
  const start = Object.hasOwn(RUNNING, what) ? RUNNING[what] : undefined;
  if (start === undefined) throw new UsageError(`Say what to do: platform, holder, device, or client create.\n\n${HELP}`);
  const stopped = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopped.resolve());
  await using program = await start(values);
  print(`the ${what} is at ${program.entityId}`);
  await stopped.promise;
  return EXIT.fine;
}

type Values = ReturnType<typeof readWords<typeof OPTIONS>>["values"];

/** What runs until it is stopped. */
const RUNNING: Record<string, (values: Values) => Promise<AsyncDisposable & { entityId: string }>> = {
  platform: (values) =>
    startPlatform({
      ...placeOf(values),
      persona: values.persona === undefined ? ANCRE : BAD_PLATFORMS[oneOf("persona", values.persona, BAD_NAMES)],
      faults: (values.fault ?? []).map((name) => oneOf("fault", name, FAULTS)),
    }),
  device: (values) => startDevice({ ...placeOf(values), everySeconds: Number(values.every) }),
  holder: async (values) => {
    const persona = values.persona === undefined ? undefined : HOSTILE_HOLDERS[oneOf("persona", values.persona, HOSTILE_NAMES)];
    const faults = (values.fault ?? []).map((name) => oneOf("fault", name, HOLDER_FAULTS));
    const victim = isOnAnother([...(persona?.faults ?? []), ...faults]) ? { victim: addressIn(values, "victim") } : {};
    return startHolder({ ...placeOf(values), holder: "energy", ...(persona ? { persona } : {}), ...victim, faults });
  },
};

function placeOf(values: Values) {
  return {
    dataDir: needed(values, "dir"),
    seed: "relais",
    relais: addressIn(values, "relais"),
    host: "127.0.0.1",
    port: Number(values.port),
  };
}

function addressIn(values: Values, name: "relais" | "victim"): string {
  return needed(values, name).replace(/\/+$/, "");
}

function oneOf<T extends string>(option: string, name: string, known: readonly T[]): T {
  const found = known.find((one) => one === name);
  if (found === undefined) throw new UsageError(`--${option}: there is no "${name}". There are: ${known.join(", ")}.`);
  return found;
}
