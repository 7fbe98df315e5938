import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { Consent } from "../../src/core/consent/consent.ts";
import { grantConsent } from "../../src/core/consent/decide-consent.ts";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { newId, type PersonId, type TransferId } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/ports.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { registerParticipant } from "../../src/core/register/register-participant.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import type { Transfer } from "../../src/core/transfer/transfer.ts";
import { createEntityConfigurations } from "../../src/federation/entity-configuration.ts";
import { verifyEntityConfiguration } from "../../src/keys/verifier.ts";
import { networkFor, type Outbound } from "../../src/net/network.ts";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { migrate } from "../../src/postgres/migrate.ts";
import { freshDatabase } from "./database.ts";
import { startFaultFront, type FaultFront } from "./fault-front.ts";
import { startFaultProxy, type FaultProxy } from "./fault-proxy.ts";
import { inDays } from "./engine.ts";
import { realClock } from "./real-clock.ts";
import { policy } from "./policy.ts";
import type { BulkPlan, FaultSandboxSettings } from "./fault-sandbox.ts";
import { freePort } from "./ports.ts";
import { type Program, startNode } from "./processes.ts";
import { markFor } from "./register-fixtures.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
/** As `npm start` runs it. */
const FLAGS = JSON.parse(readFileSync(new URL("../../src/heap-flags.json", import.meta.url), "utf8")) as string[];
const SANDBOX = new URL("./fault-sandbox.ts", import.meta.url).pathname;
/** Names a folder: each Relais process leaves a CPU profile there when it ends. */
export const PROFILE_VARIABLE = "RELAIS_PROFILE_DIR";
/** A wait ends with what it waits for; only a defect, on a machine however slow, lasts as long as this. */
const PATIENCE_MILLISECONDS = 240_000;
export const DAILY = "energy.consumption.daily";

export interface FaultWorldOptions {
  customers?: BulkPlan;
  /** Accounts at Ancre. */
  accounts?: string[];
  /** Settings of every Relais process. */
  settings?: Record<string, string>;
  /** Somebody else's; it is migrated by the first process that starts, and not dropped. */
  databaseUrl?: string;
  /** Called with the world's folder before anything starts in it; what it gives back is undone when everything has ended. */
  prepare?: (dir: string) => Disposable[];
  /** Something stands in front of both participants that can make them misbehave. */
  fronted?: boolean;
}

/** A participant behind a line over TCP and a front that speaks HTTP. */
export interface Fronted {
  line: FaultProxy;
  front: FaultFront;
}

/** Relais in processes that a test starts, kills and starts again, over one database, with an energy holder and Ancre in another process. */
export interface FaultWorld extends AsyncDisposable {
  url: string;
  dir: string;
  databaseUrl: string;
  pool: pg.Pool;
  store: Store;
  network: Outbound;
  /** Everything that any process wrote. */
  output(): string;
  startSandbox(settings?: Record<string, string>): Promise<Program>;
  /** The participants' process. */
  sandbox(): Program;
  /** A Relais with these roles, once it says that it is ready; `main`: that of another release; `log`: a file that takes what it says. */
  start(roles: string, settings?: Record<string, string>, more?: { main?: string; log?: string }): Promise<Program>;
  register(entityId: string): Promise<Participant>;
  energy: Participant;
  ancre: Participant;
  /** Null where nothing stands in front of them. */
  fronts: { energy: Fronted; ancre: Fronted } | null;
  /** A new person with proved accounts at both ends. */
  person(accounts: Ends): Promise<SeededPerson>;
  ended(id: TransferId): Promise<Transfer>;
  /** What Ancre holds, by its own ledger, index and files. */
  witness: AncreWitness;
}

export interface Ends {
  source?: Participant;
  destination?: Participant;
  sourceAccount: string;
  destinationAccount: string;
  /** What opens both accounts, sealed to the worker; unset: nothing is needed. */
  sealedCredentials?: string;
}

export interface SeededPerson {
  id: PersonId;
  /** Not answered yet. */
  ask(datasets: string[]): Promise<Consent>;
  consent(datasets: string[]): Promise<Consent>;
  transfer(consent: Consent): Promise<Transfer>;
}

export async function startFaultWorld(options: FaultWorldOptions): Promise<FaultWorld> {
  const { customers = {}, accounts = [], settings = {} } = options;
  await using early = new AsyncDisposableStack();
  // Whoever starts a program later finds the stack that lives as long as the world.
  let owned = early;
  const database = options.databaseUrl === undefined ? owned.use(await freshDatabase()) : { url: options.databaseUrl };
  const dir = await mkdtemp(join(tmpdir(), "relais-fault-"));
  owned.defer(() => rm(dir, { recursive: true, force: true }));
  for (const made of options.prepare?.(dir) ?? []) owned.use(made);
  const pool = openPool(database.url, 4);
  owned.defer(() => pool.end());
  const network = owned.use(networkFor({ allowLoopback: true }));
  const store = createStore(openDatabase(pool));
  const [port, energyPort, ancrePort] = [await freePort(), await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const ports = { energy: energyPort, ancre: ancrePort };
  const fronts = options.fronted ? { energy: await frontOf(owned, energyPort), ancre: await frontOf(owned, ancrePort) } : null;
  const urlOf = (name: "energy" | "ancre"): string => `http://127.0.0.1:${fronts?.[name].line.port ?? ports[name]}`;
  const urls = { energy: urlOf("energy"), ancre: urlOf("ancre") };
  const programs: Program[] = [];
  const started = async (words: string[], how: Parameters<typeof startNode>[1], ready: RegExp): Promise<Program> => {
    const program = owned.use(startNode(words, { ...how, cwd: dir }));
    programs.push(program);
    await program.line(ready);
    return program;
  };
  const environment = {
    PATH: process.env["PATH"],
    HOME: dir,
    TMPDIR: dir,
    ...relaisSettings(url, port, dir, database.url),
    ...profiled(),
    ...settings,
  };
  const start: FaultWorld["start"] = (roles, more = {}, { main = MAIN, ...rest } = {}) =>
    started([...FLAGS, main], { env: { ...environment, RELAIS_ROLES: roles, ...more }, ...rest }, /relais ready/);
  let sandbox: Program;
  const startSandbox = async (more: Record<string, string> = {}): Promise<Program> => {
    const file = await settingsFile(dir, { relais: url, ports, urls, customers, accounts });
    return (sandbox = await started([SANDBOX, file], { env: { ...environment, ...more } }, /^ready/));
  };
  await startSandbox();
  const register = (entityId: string): Promise<Participant> => registerAt({ store, network }, entityId);
  if (options.databaseUrl !== undefined) await migrate(pool);
  const [energy, ancre] = [await register(urls.energy), await register(urls.ancre)];
  owned = early.move();
  return {
    url,
    dir,
    pool,
    store,
    network,
    start,
    startSandbox,
    sandbox: () => sandbox,
    register,
    energy,
    ancre,
    fronts,
    databaseUrl: database.url,
    output: () => programs.map((program) => program.output()).join("\n"),
    person: (ends) => seedPerson(store, { source: energy, destination: ancre, ...ends }),
    ended: (id) => endOf(store, id),
    witness: ancreWitness(join(dir, "sandbox", "ancre")),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function frontOf(owned: AsyncDisposableStack, port: number): Promise<Fronted> {
  const front = owned.use(await startFaultFront(port));
  return { front, line: owned.use(await startFaultProxy(front.port)) };
}

function relaisSettings(url: string, port: number, dir: string, databaseUrl: string): Record<string, string> {
  return {
    RELAIS_DATA_DIR: join(dir, "relais"),
    RELAIS_PUBLIC_URL: url,
    RELAIS_PORT: String(port),
    DATABASE_URL: databaseUrl,
    RELAIS_ALLOW_LOOPBACK: "on",
    RELAIS_SIGNIN_ISSUER: "http://127.0.0.1:9",
    RELAIS_SIGNIN_CLIENT_ID: "relais",
    RELAIS_LEASE_SECONDS: "5",
    RELAIS_SWEEP_SECONDS: "1",
  };
}

function profiled(): Record<string, string> {
  const folder = process.env[PROFILE_VARIABLE];
  return folder === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` };
}

async function settingsFile(dir: string, settings: Omit<FaultSandboxSettings, "dataDir">): Promise<string> {
  await mkdir(join(dir, "sandbox"), { recursive: true });
  await writeFile(join(dir, "sandbox.json"), JSON.stringify({ ...settings, dataDir: join(dir, "sandbox") }));
  return join(dir, "sandbox.json");
}

async function registerAt({ store, network }: Pick<FaultWorld, "store" | "network">, entityId: string): Promise<Participant> {
  const entityConfigurations = createEntityConfigurations({
    clock: realClock,
    fetchOrigin: network.fetchOrigin,
    verify: verifyEntityConfiguration,
  });
  const participant = await registerParticipant({ store, clock: realClock, entityConfigurations }, { entityId });
  await store.write(async (w) => {
    await w.register.addMark(markFor(participant.id));
    await w.register.setStatus(participant.id, "accredited");
  });
  return store.read((r) => r.participants.get(participant.id));
}

export async function seedPerson(store: Store, ends: Ends & Required<Pick<Ends, "source" | "destination">>): Promise<SeededPerson> {
  const ports = { store, clock: realClock, policy, queue: { ring: async () => undefined } };
  const person = await store.write((w) =>
    w.accounts.signIn({ id: newId("person"), issuer: "https://id.test", subject: newId("person"), createdAt: new Date() }),
  );
  const link = (participant: Participant, account: string) =>
    store.write((w) =>
      w.accounts.putLink({
        id: newId("link"),
        personId: person.id,
        participantId: participant.id,
        account,
        method: "signed_in",
        provedAt: new Date(),
        sealedCredentials: ends.sealedCredentials ?? null,
        inventory: null,
      }),
    );
  const [from, to] = [await link(ends.source, ends.sourceAccount), await link(ends.destination, ends.destinationAccount)];
  const ask: SeededPerson["ask"] = (datasets) =>
    requestConsent(ports, {
      personId: person.id,
      sourceLinkId: from.id,
      destinationLinkId: to.id,
      action: "copy",
      datasets,
      purpose: "https://w3id.org/dpv#PersonalisedBenefits",
      recurrence: null,
      expires: inDays(30),
      retention: null,
      language: "fr",
      requester: null,
    });
  return {
    id: person.id,
    ask,
    consent: async (datasets) => {
      const asked = await ask(datasets);
      return grantConsent(ports, { consentId: asked.id, personId: person.id, datasets, noticeHash: asked.noticeHash, language: "fr" });
    },
    transfer: (consent) => requestTransfer(ports, { consentId: consent.id, personId: person.id }),
  };
}

/** The transfer once it has ended. @throws where it has not in time. */
export async function endOf(store: Store, id: TransferId): Promise<Transfer> {
  for (const end = Date.now() + PATIENCE_MILLISECONDS; Date.now() < end; await sleep(100)) {
    const transfer = await store.read((r) => r.transfers.get(id));
    if (transfer.endedAt !== null) return transfer;
  }
  const [transfer, events] = await store.read(async (r) => [await r.transfers.get(id), await r.transfers.events(id)] as const);
  throw new Error(`after ${PATIENCE_MILLISECONDS} ms the transfer is ${transfer.state}: ${JSON.stringify(events.slice(-8))}`);
}

export interface LedgerEntry {
  time: string;
  begunAt?: string;
  event: "request" | "stored";
  method?: string;
  path?: string;
  idempotencyKey?: string | null;
  status?: number;
  transfer?: string;
  dataset?: string;
  key?: string;
}

export interface HeldItem {
  dataset: string;
  key: string;
  sha256: string;
  file: string;
}

/** Looks at Ancre from outside: never at what Relais says of it. */
export interface AncreWitness {
  ledger(): Promise<LedgerEntry[]>;
  items(account: string): HeldItem[];
  /** Transfers that Ancre gave a receipt for. */
  receipts(): number;
  /** Digest (base64url) of each stored file, by its path below the folder. */
  files(): Promise<Map<string, string>>;
  path(item: HeldItem): string;
  index: string;
}

/** Its last line may be half written: it counts when it is whole. */
export async function readLedger(file: string): Promise<LedgerEntry[]> {
  const text = await readFile(file, "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return whole
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as LedgerEntry);
}

export function ancreWitness(folder: string): AncreWitness {
  const index = join(folder, "index.sqlite");
  const rows = (query: string, ...values: string[]): Record<string, unknown>[] => {
    using database = new DatabaseSync(index, { readOnly: true });
    return database.prepare(query).all(...values);
  };
  return {
    index,
    ledger: () => readLedger(join(folder, "ledger.jsonl")),
    items: (account) =>
      rows("SELECT dataset, key, sha256, file FROM items WHERE account = ? ORDER BY dataset, key", account) as unknown as HeldItem[],
    receipts: () => Number(rows("SELECT count(*) AS n FROM transfers WHERE receipt IS NOT NULL")[0]?.["n"]),
    files: async () => {
      const entries = await readdir(join(folder, "items"), { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      return new Map(await Promise.all(files.map(async (file) => [file.slice(folder.length + 1), await digestOf(file)] as const)));
    },
    path: (item) => join(folder, item.file),
  };
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("base64url");
}

/** Waits until `look` gives something true; `pause`: milliseconds between two looks. */
export async function until<T>(what: string, look: () => Promise<T> | T, pause = 25): Promise<NonNullable<T>> {
  for (const end = Date.now() + PATIENCE_MILLISECONDS; Date.now() < end; await sleep(pause)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`waited ${PATIENCE_MILLISECONDS} ms in vain for ${what}`);
}
