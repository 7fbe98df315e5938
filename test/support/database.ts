import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import pg from "pg";
import { migrate } from "../../src/postgres/migrate.ts";
import { openPool } from "../../src/postgres/pool.ts";
import { serverUrl } from "./postgres-server.ts";

export interface FreshDatabase extends AsyncDisposable {
  url: string;
  drop(): Promise<void>;
}

const MIGRATIONS = new URL("../../src/postgres/migrations/", import.meta.url);
/** Test files run in parallel: one makes the template, the others wait for it. */
const TEMPLATE_LOCK = 4_711;

/** A migrated database of its own, as a copy of one template (some 50 ms); dropped with whatever still connects to it. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server = await serverUrl();
  const template = await makeTemplate(server);
  const name = `t_${randomBytes(8).toString("hex")}`;
  await ask(server, (client) => client.query(`create database ${name} template ${template}`));
  const drop = () => ask(server, (client) => client.query(`drop database if exists ${name} with (force)`)).then(() => undefined);
  return { url: withDatabase(server, name), drop, [Symbol.asyncDispose]: drop };
}

let template: Promise<string> | null = null;

function makeTemplate(server: string): Promise<string> {
  template ??= ask(server, async (client) => {
    const name = `template_${await digestOfMigrations()}`;
    await client.query("select pg_advisory_lock($1)", [TEMPLATE_LOCK]);
    const { rowCount } = await client.query("select from pg_database where datname = $1", [name]);
    if (rowCount === 0) await buildTemplate(server, client, name);
    return name;
  });
  return template;
}

/** Renamed at the end: a half-made template never carries the name. */
async function buildTemplate(server: string, client: pg.Client, name: string): Promise<void> {
  const draft = `${name}_${randomBytes(4).toString("hex")}`;
  await client.query(`create database ${draft}`);
  const pool = openPool(withDatabase(server, draft), 2);
  try {
    await migrate(pool);
  } finally {
    await pool.end();
  }
  await client.query(`alter database ${draft} rename to ${name}`);
}

async function digestOfMigrations(): Promise<string> {
  const digest = createHash("sha256");
  for (const file of (await readdir(MIGRATIONS)).sort()) digest.update(file).update(await readFile(new URL(file, MIGRATIONS)));
  return digest.digest("hex").slice(0, 16);
}

/** Ending the connection also gives back its advisory locks. */
async function ask<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function withDatabase(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
