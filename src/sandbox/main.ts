import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import express from "express";
import type { Entry } from "../core/register/register-participant.ts";
import { pseudonymousAccounts } from "./accounts/accounts.ts";
import { officeAccounts } from "./accounts/offices.ts";
import { createProvider, mountProvider } from "./accounts/provider.ts";
import type { BulkCustomers } from "./holder/bulk.ts";
import { startHolder } from "./holder/holder.ts";
import { openOutsideClients } from "./clients.ts";
import { homeRoutes } from "./home.ts";
import { startMailSink } from "./mailbox/mail-sink.ts";
import { mailboxRoutes } from "./mailbox/pages.ts";
import { openPort } from "./peer/open-port.ts";
import { openOwnKey } from "./peer/own-keys.ts";
import { answerNotFound, answerProblems } from "./peer/problems.ts";
import { reporter } from "./peer/reports.ts";
import { HOLDER_NAMES, type HolderName } from "./personas/holdings.ts";
import { BAD_NAMES, BAD_PLATFORMS, type BadPlatform } from "./platform/personas.ts";
import { startPlatform } from "./platform/platform.ts";
import { startSolidServer } from "./solid/solid-server.ts";

export type ProgramName = "identity" | "energy" | "insurance" | "telecom" | "ancre" | "solid" | "home";
export type BadPorts = Record<BadPlatform, number>;

export interface SandboxSettings {
  dataDir: string;
  /** The same seed gives the same people, accounts, passwords and data. */
  seed: string;
  /** Relais' issuer and entity identifier, without a slash at its end. */
  relais: string;
  host: string;
  /** 0 for any free port. */
  ports: Record<ProgramName, number>;
  /** Of the platforms that are bad on purpose; none of them where it is left out. */
  badPorts?: BadPorts;
  /** Customers of the holders beside the personas; in process only. */
  extra?: Partial<Record<HolderName, BulkCustomers>>;
  /** Accounts at Ancre beside the personas'. */
  extraAccounts?: string[];
  /** Of the mail server whose letters the home page shows, on this machine alone; null, or left out: there is none. */
  mailPort?: number | null;
  /** False leaves the Solid server out. */
  withSolid?: boolean;
}

export interface SandboxReady {
  urls: Record<string, string>;
  /** What to register; the Solid server follows when it answers. */
  participants: Entry[];
}

export interface Sandbox extends SandboxReady, AsyncDisposable {
  /** The Solid server's entry once it answers; null where there is none. */
  solid: Promise<Entry | null>;
  /** Entity identifiers of the platforms that are bad on purpose and can join the register, once they answer: they begin after everybody else. */
  bad: Promise<string[]>;
}

/** Starts every program of the sandbox in this process, but for the Solid server, which gets its own. */
export async function startSandbox(settings: SandboxSettings): Promise<Sandbox> {
  await using owned = new AsyncDisposableStack();
  const { dataDir, seed, relais, host, ports, extra } = settings;
  const shared = { dataDir, seed, relais, host };
  const urls: Record<string, string> = { identity: await startIdentity(settings, owned) };
  for (const holder of HOLDER_NAMES)
    urls[holder] = owned.use(await startHolder({ ...shared, holder, port: ports[holder], extra: extra?.[holder] ?? {} })).url;
  urls["ancre"] = owned.use(await startPlatform({ ...shared, port: ports.ancre, extra: settings.extraAccounts ?? [] })).url;
  const solid = settings.withSolid === false ? null : await startSolidServer({ dataDir, seed, host, port: ports.solid });
  if (solid) urls["solid"] = owned.use(solid).url;
  const clients = owned.use(await openOutsideClients(shared));
  const sink = typeof settings.mailPort === "number" ? owned.use(await startMailSink(settings.mailPort)) : null;
  const home = owned.use(await openPort(host, ports.home));
  urls["home"] = home.url;
  home.serve(
    express()
      .disable("x-powered-by")
      .use(
        homeRoutes({ seed, relais, url: home.url, urls, clients, badUrls: badUrlsOf(settings), hasMailbox: sink !== null }),
        ...(sink === null ? [] : [mailboxRoutes({ sink, relais })]),
        answerNotFound,
        answerProblems(report),
      ),
  );
  const participants = [...HOLDER_NAMES, "ancre"].map((name) => ({ entityId: urls[name] as string }));
  const kept = owned.move();
  const bad = startBadPlatforms(settings, kept);
  const end = async (): Promise<void> => {
    await bad.catch(() => undefined);
    await kept.disposeAsync();
  };
  return { urls, participants, solid: solid?.ready ?? Promise.resolve(null), bad, [Symbol.asyncDispose]: end };
}

function badUrlsOf({ host, badPorts }: SandboxSettings): Partial<Record<BadPlatform, string>> {
  return Object.fromEntries(Object.entries(badPorts ?? {}).map(([name, port]) => [name, `http://${host}:${port}`]));
}

/** One after the other: nobody waits for them. */
async function startBadPlatforms({ badPorts, ...settings }: SandboxSettings, owned: AsyncDisposableStack): Promise<string[]> {
  const { dataDir, seed, relais, host } = settings;
  const joining: string[] = [];
  for (const name of badPorts ? BAD_NAMES : []) {
    const persona = BAD_PLATFORMS[name];
    const { entityId } = owned.use(await startPlatform({ dataDir, seed, relais, host, port: badPorts?.[name] ?? 0, persona }));
    if (persona.joins) joining.push(entityId);
  }
  return joining;
}

const IDENTITY = { name: "Identité du bac à sable", title: { fr: "Connexion", en: "Sign in" } };

/** Where the personas prove to Relais who they are; it tells a pseudonym and a name to be shown. */
async function startIdentity({ dataDir, seed, relais, host, ports }: SandboxSettings, owned: AsyncDisposableStack): Promise<string> {
  const key = await openOwnKey(join(dataDir, "identity", "keys"), "provider");
  const server = owned.use(await openPort(host, ports.identity));
  const app = express().disable("x-powered-by").disable("etag");
  mountProvider(
    app,
    createProvider({
      ...IDENTITY,
      issuer: server.url,
      key,
      relais,
      accounts: [...pseudonymousAccounts(seed, "identity"), ...officeAccounts(seed)],
      scopes: [],
    }),
  );
  server.serve(app.use(answerProblems(report)));
  return server.url;
}

const report = reporter("sandbox");

/** `node src/sandbox/main.ts settings.json`: tells its addresses on stdout and to its parent; stops on SIGTERM, and when its parent is gone. */
async function run(file: string): Promise<void> {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  for (const signal of ["SIGTERM", "SIGINT", "disconnect"]) process.once(signal, () => stop());
  const settings = JSON.parse(await readFile(file, "utf8")) as SandboxSettings;
  const sandbox = await startSandbox({ ...settings, dataDir: resolve(settings.dataDir) });
  const { urls, participants } = sandbox;
  tell({ ready: { urls, participants } });
  void sandbox.solid.then((solid) => solid && tell({ solid }));
  void sandbox.bad.then((bad) => tell({ bad }), report);
  await stopped;
  await sandbox[Symbol.asyncDispose]();
  if (process.connected) process.disconnect();
}

function tell(message: { ready: SandboxReady } | { solid: Entry } | { bad: string[] }): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
  // A parent may go between the question and the answer: who is told then is nobody, and it is no failure.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await run(process.argv[2] ?? "settings.json");
