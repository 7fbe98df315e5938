import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type pg from "pg";
import { openDatabase, openPool } from "../../src/postgres/pool.ts";
import { createStore } from "../../src/postgres/store.ts";
import { accountsByPersona, pseudonymousAccounts } from "../../src/sandbox/accounts/accounts.ts";
import { isAlive } from "../../src/embedded/process.ts";
import { ancreWitness, DAILY, endOf, seedPerson, until } from "../support/fault-relais.ts";
import { type Program, startNode } from "../support/processes.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
/** The sandbox's own people, as its default seed makes them. */
const SEED = "relais";
let folder: string;
let pool: pg.Pool | null = null;
const owned = new AsyncDisposableStack();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "relais-killed-"));
});
after(async () => {
  await pool?.end();
  await owned.disposeAsync();
  await rm(folder, { recursive: true, force: true });
});

/** As `npm start` runs it, sandbox and database included. */
async function startRelais(): Promise<Program> {
  const env = {
    PATH: process.env["PATH"],
    HOME: folder,
    RELAIS_DATA_DIR: join(folder, "data"),
    RELAIS_LEASE_SECONDS: "5",
    RELAIS_SWEEP_SECONDS: "1",
  };
  const program = owned.use(startNode([MAIN], { cwd: folder, env }));
  await program.line(/relais ready/);
  return program;
}

async function databaseOf(): Promise<{ url: string; pid: number }> {
  const { place, password } = JSON.parse(await readFile(join(folder, "data", "postgres.json"), "utf8")) as {
    place: string;
    password: string;
  };
  const lines = (await readFile(join(place, "data", "postmaster.pid"), "utf8")).split("\n");
  return { url: `postgres://relais:${password}@127.0.0.1:${lines[3]}/postgres`, pid: Number(lines[0]) };
}

/** Every Node process of this data folder: Relais, the sandbox, the Solid server. */
async function nodeProcesses(): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    const environ = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (words.startsWith(process.execPath) && environ.includes(`RELAIS_DATA_DIR=${join(folder, "data")}`)) found.push(pid);
  }
  return found;
}

test("every process killed in the middle: after one start everything arrives once, with one receipt, and nobody acted", async () => {
  await startRelais();
  const database = await databaseOf();
  pool = openPool(database.url, 2);
  const store = createStore(openDatabase(pool));
  const owner = accountsByPersona(SEED).find(({ persona }) => persona.customers.energy !== undefined)!;
  const account = pseudonymousAccounts(SEED, "ancre").find(({ email }) => email === owner.email)!;
  const participants = await until("the register", async () => {
    const all = await store.read((r) => r.registered.entries({ standing: "accredited", limit: 20 }, new Date()));
    return all.length >= 4 ? all.map(({ participant }) => participant) : null;
  });
  const [source, destination] = ["Énergie du Parc", "Ancre"].map((name) => participants.find((participant) => participant.name === name)!);
  const person = await seedPerson(store, {
    source: source!,
    destination: destination!,
    sourceAccount: owner.persona.customers.energy!,
    destinationAccount: account.id,
  });
  const { id } = await person.transfer(await person.consent([DAILY]));
  const witness = ancreWitness(join(folder, "data", "sandbox", "ancre"));
  await until("some items", () => witness.items(account.id).length > 100);

  const victims = await nodeProcesses();
  assert.ok(victims.length >= 2, `${victims.length} processes`);
  for (const pid of victims) process.kill(pid, "SIGKILL");
  await until("their end", () => victims.every((pid) => !isAlive(pid)));
  const atKill = witness.items(account.id).length;
  assert.equal(isAlive(database.pid), true, "PostgreSQL lives on as an orphan");

  const again = await startRelais();
  assert.equal((await databaseOf()).pid, database.pid, "and is taken over");
  const { state, attempts } = await endOf(store, id);
  assert.equal(state, "verified");
  assert.ok(attempts >= 2);
  const [progress] = await store.read((r) => r.transfers.progress(id));
  const items = witness.items(account.id);
  const files = await witness.files();
  assert.ok(atKill < items.length, `${atKill} of ${items.length} items when everything was killed`);
  assert.equal(items.length, progress?.expected);
  assert.equal(files.size, items.length);
  for (const item of items) assert.equal(files.get(item.file), item.sha256);
  assert.equal(witness.receipts(), 1);
  const completions = (await witness.ledger()).filter((entry) => entry.path?.endsWith("/complete") && entry.status === 200);
  assert.equal(completions.length, 1);
  await pool.end();
  pool = null;
  assert.deepEqual(await again.kill("SIGTERM"), { code: 0, signal: null });
  await until("the end of PostgreSQL", () => !isAlive(database.pid));
  assert.deepEqual(await nodeProcesses(), []);
});
