import { readFile, readdir } from "node:fs/promises";
import type pg from "pg";
import { RelaisError } from "../core/errors.ts";
import { sha256 } from "../core/transfer/manifest.ts";
import { LOCKS } from "./locks.ts";
import { SCHEMA } from "./pool.ts";

const FOLDER = new URL("migrations/", import.meta.url);

/**
 * Brings the schema up to date. Each file runs once, in one transaction, in the order of its number; a file that changed after it ran is refused.
 * Returns the names of the files that ran now.
 */
export async function migrate(pool: pg.Pool): Promise<string[]> {
  const client = await pool.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [LOCKS.migrations]);
    await client.query(`create schema if not exists ${SCHEMA}`);
    await client.query(
      `create table if not exists ${SCHEMA}.migrations (name text primary key, digest text not null, ran_at timestamptz not null default now())`,
    );
    return await runMissing(client);
  } finally {
    await client.query("select pg_advisory_unlock($1)", [LOCKS.migrations]).catch(() => undefined);
    client.release();
  }
}

async function runMissing(client: pg.PoolClient): Promise<string[]> {
  const { rows } = await client.query<{ name: string; digest: string }>(`select name, digest from ${SCHEMA}.migrations`);
  const done = new Map(rows.map((row) => [row.name, row.digest]));
  const ran: string[] = [];
  for (const name of (await readdir(FOLDER)).filter((file) => file.endsWith(".sql")).sort()) {
    const sql = await readFile(new URL(name, FOLDER), "utf8");
    if (done.get(name) === sha256(sql)) continue;
    if (done.has(name))
      throw new RelaisError(
        "conflict",
        `The migration ${name} changed after it ran. The operator must restore the file as it was released.`,
        { actor: "operator" },
      );
    await runOne(client, name, sql);
    ran.push(name);
  }
  return ran;
}

async function runOne(client: pg.PoolClient, name: string, sql: string): Promise<void> {
  await client.query("begin");
  try {
    await client.query(`set local search_path = ${SCHEMA}`);
    await client.query(sql);
    await client.query(`insert into ${SCHEMA}.migrations (name, digest) values ($1, $2)`, [name, sha256(sql)]);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}
