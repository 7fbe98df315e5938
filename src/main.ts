import { constants, setPriority } from "node:os";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, readConfig } from "./config.ts";
import { RelaisError } from "./core/errors.ts";
import { freedPort } from "./embedded/ports.ts";
import { openKeyring } from "./keys/keyring.ts";
import { planSandbox, type SandboxPlan } from "./sandbox/plan.ts";
import { createLogger } from "./telemetry/log.ts";
import { openTracing } from "./telemetry/open-tracing.ts";
import { prepare, type Base } from "./roles/base.ts";
import { startOperation } from "./roles/operation.ts";
import { startSandbox } from "./roles/sandbox.ts";
import { startSweeper } from "./roles/sweeper.ts";
import { startWeb } from "./roles/web.ts";
import { startWorker } from "./roles/worker.ts";

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const tracing = await openTracing({ ...config.traces, roles: config.roles });
  const log = createLogger({ ...config.log, traceId: tracing.traceId });
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const owned = new AsyncDisposableStack();
  // The last thing that is undone: what the others say while they end is sent too.
  owned.defer(() => tracing.close());
  try {
    await run(await prepare({ config, log, tracing, shutdown: stop.signal, owned }));
    await aborted(stop.signal);
    say("relais is draining");
  } finally {
    await owned.disposeAsync();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve: done } = Promise.withResolvers<void>();
  if (signal.aborted) done();
  else signal.addEventListener("abort", () => done(), { once: true });
  return promise;
}

async function run(prepared: Base): Promise<void> {
  const { config, owned } = prepared;
  await startOperation(prepared);
  const keysDir = join(config.dataDir, "keys");
  const sandbox = await plannedBeside(prepared);
  const base = mailedBeside(prepared, sandbox);
  // Each role opens only its own keys: web cannot open people's credentials, the worker cannot sign tokens (architecture, "Roles").
  const web = config.roles.includes("web") ? await openKeyring(keysDir, "web", config.keys.encryptionSecret ?? undefined) : null;
  const worker = config.roles.includes("worker") ? await openKeyring(keysDir, "worker", config.keys.encryptionSecret ?? undefined) : null;
  if (web) await startWeb(base, web, sandbox);
  if (worker) startWorker(base, worker);
  if (!web) standBack();
  if (config.roles.includes("sweeper")) startSweeper(base);
  await writeFile(
    join(config.dataDir, "relais.json"),
    JSON.stringify({ url: base.issuer, pid: process.pid, sandbox: sandbox?.urls ?? null }, null, 2),
  );
  if (sandbox && web) owned.use(await startSandbox(base, sandbox, web));
  say(`relais ready at ${base.issuer}`);
  if (sandbox) say(`the sandbox, with people to sign in as, is at ${sandbox.urls.home}`);
  if (sandbox) say("npm run demo shows the whole journey; Ctrl-C stops everything");
}

/** What moves in the background takes what whoever waits for an answer leaves: on one machine, the web comes first. */
function standBack(): void {
  setPriority(constants.priority.PRIORITY_LOW);
}

async function plannedBeside({ config, issuer }: Base): Promise<SandboxPlan | null> {
  if (!config.sandbox.on) return null;
  const { dataDir, sandbox, http, mail } = config;
  const portOf = (name: string) => freedPort(dataDir, name);
  return planSandbox({ dataDir, seed: sandbox.seed, relais: issuer, host: http.host, withMailbox: mail === null, portOf });
}

/** In the sandbox mails are shown instead of sent, unless there is a mail server for them. */
function mailedBeside(base: Base, sandbox: SandboxPlan | null): Base {
  return sandbox?.mail ? { ...base, config: { ...base.config, mail: sandbox.mail } } : base;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

// What is said on a full disk is not heard, and ends nothing.
process.stdout.on("error", () => undefined);
try {
  await main();
} catch (error) {
  const known = error instanceof ConfigError || error instanceof RelaisError;
  process.stderr.write(`relais: ${known ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
