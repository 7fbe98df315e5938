import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { RelaisError } from "../core/errors.ts";
import { LOCKS } from "./locks.ts";
import { concurrentStatements, MIGRATIONS, readMigrations, type MigrationFile } from "./migration-files.ts";
import { SCHEMA } from "./pool.ts";
import { sqlState } from "./store-errors.ts";

/** The major version before it does not read a function of 0027 (`return …` as its body). */
export const OLDEST_POSTGRES = 14;

export interface MigrateTerms {
  /** Unset: those of this release. */
  folder?: string;
  /** How often a file whose tables somebody else holds is tried. */
  tries?: number;
  /** A file waits for its turn: told at its first try that failed. */
  onWait?: (name: string) => void;
  /** Unset: the oldest major version that this release works on. */
  oldest?: number;
}

/**
 * A statement that changes a table waits until whoever reads it is done, and everybody who comes later waits behind it: a dump of an hour would stop all work for
 * an hour. So it gives up after half a second, and everybody gets on meanwhile; it is tried again for some ten minutes.
 */
const LOCK_MILLISECONDS = 500;
const PAUSE_MILLISECONDS = 1_500;
const TRIES = 300;
/** Somebody else migrates: asked again this often. */
const TURN_MILLISECONDS = 200;

/**
 * Brings the schema up to date while other processes work on it (docs/upgrading.md). Each file runs once, in one transaction, in the order of its number, and waits
 * for no lock that would make others wait; one that says so runs its statements one by one. Any number of processes may call it at once.
 *
 * What ran there and is no file of this release is left as it is: it only added. @throws RelaisError `conflict` where it took away what this release needs, or
 * where a file changed after it ran; `unavailable` where somebody held a table for too long, and where PostgreSQL is too old.
 * Returns the names of the files that ran now.
 */
export async function migrate(pool: pg.Pool, terms: MigrateTerms = {}): Promise<string[]> {
  const files = await readMigrations(terms.folder ?? MIGRATIONS);
  const client = await pool.connect();
  try {
    // A process that is started anew while somebody migrates does not wait for it.
    if ((await missingOf(client, files)).length === 0) return [];
    await checkVersion(client, terms.oldest ?? OLDEST_POSTGRES);
    return await inTurn(client, () => runMissing(client, files, terms));
  } finally {
    client.release();
  }
}

async function checkVersion(client: pg.PoolClient, oldest: number): Promise<void> {
  const { rows } = await client.query<{ version: number }>("select current_setting('server_version_num')::int as version");
  const major = Math.floor((rows[0]?.version ?? 0) / 10_000);
  if (major >= oldest) return;
  throw new RelaisError("unavailable", `This is PostgreSQL ${major}. The operator brings it to ${oldest} or newer.`, { actor: "operator" });
}

/** One after the other. Asked again and again: a statement that waits would hold a snapshot, and an index that is built beside waits for every one of these. */
async function inTurn<T>(client: pg.PoolClient, work: () => Promise<T>): Promise<T> {
  for (;;) {
    const { rows } = await client.query<{ isOurs: boolean }>('select pg_try_advisory_lock($1) as "isOurs"', [LOCKS.migrations]);
    if (rows[0]?.isOurs) break;
    await sleep(TURN_MILLISECONDS);
  }
  try {
    return await work();
  } finally {
    await client.query("select pg_advisory_unlock($1)", [LOCKS.migrations]).catch(() => undefined);
  }
}

async function runMissing(client: pg.PoolClient, files: MigrationFile[], terms: MigrateTerms): Promise<string[]> {
  await client.query(`create schema if not exists ${SCHEMA}`);
  await client.query(
    `create table if not exists ${SCHEMA}.migrations (name text primary key, digest text not null, ran_at timestamptz not null default now())`,
  );
  await client.query(`set search_path = ${SCHEMA}`);
  const missing = await missingOf(client, files);
  for (const file of missing) await patiently(client, file, terms);
  return missing.map(({ name }) => name);
}

async function missingOf(client: pg.PoolClient, files: MigrationFile[]): Promise<MigrationFile[]> {
  const ran = await ranMigrations(client);
  const known = new Map(files.map((file) => [file.name, file]));
  for (const { name, digest, needs } of ran) {
    const file = known.get(name);
    if (file !== undefined && file.digest !== digest) throw changed(name);
    if (file === undefined && needs !== null && !known.has(needs)) throw tooOld(name, needs);
  }
  const done = new Set(ran.map(({ name }) => name));
  return files.filter(({ name }) => !done.has(name));
}

export interface RanMigration {
  name: string;
  digest: string;
  /** As the file that ran said it. */
  needs: string | null;
}

/** Nothing where there is no schema yet. */
export async function ranMigrations(client: Pick<pg.ClientBase, "query">): Promise<RanMigration[]> {
  const { rows } = await client.query<{ isThere: boolean }>(`select to_regclass('${SCHEMA}.migrations') is not null as "isThere"`);
  if (!rows[0]?.isThere) return [];
  // Before 0062 nothing said what it needs.
  return (await client.query<RanMigration>(`select name, digest, to_jsonb(m) ->> 'needs' as needs from ${SCHEMA}.migrations m`)).rows;
}

async function patiently(client: pg.PoolClient, file: MigrationFile, { tries = TRIES, onWait }: MigrateTerms): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      return await (file.isConcurrent ? runOneByOne(client, file) : runWhole(client, file));
    } catch (error) {
      if (!isHeld(error)) throw error;
      if (attempt >= tries) throw await heldBy(client, file, error);
      if (attempt === 1) onWait?.(file.name);
      await sleep(PAUSE_MILLISECONDS * (0.5 + Math.random()));
    }
}

/** Somebody holds what we need, or each of us what the other needs. */
const isHeld = (error: unknown): boolean => ["55P03", "40P01"].includes(sqlState(error));

async function runWhole(client: pg.PoolClient, file: MigrationFile): Promise<void> {
  await client.query("begin");
  try {
    await client.query(`set local lock_timeout = ${LOCK_MILLISECONDS}`);
    await client.query(file.sql);
    await note(client, file);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}

/** Building an index waits for transactions that are older, and nobody waits for it. What broke off is taken away and made again; what is there is not. */
async function runOneByOne(client: pg.PoolClient, file: MigrationFile): Promise<void> {
  for (const { sql, makes } of concurrentStatements(file)) {
    const isMade = makes === null ? null : await indexState(client, makes);
    if (isMade === true) continue;
    if (isMade === false) await client.query(`drop index concurrently if exists ${makes}`);
    await client.query(sql);
  }
  await note(client, file);
}

async function indexState(client: pg.PoolClient, name: string): Promise<boolean | null> {
  const { rows } = await client.query<{ isValid: boolean }>(
    `select indisvalid as "isValid" from pg_index where indexrelid = to_regclass($1)`,
    [`${SCHEMA}.${name}`],
  );
  return rows[0]?.isValid ?? null;
}

async function note(client: pg.PoolClient, { name, digest, needs }: MigrationFile): Promise<void> {
  await client.query(`insert into ${SCHEMA}.migrations (name, digest) values ($1, $2)`, [name, digest]);
  if (needs !== null) await client.query(`update ${SCHEMA}.migrations set needs = $2 where name = $1`, [name, needs]);
}

function changed(name: string): RelaisError {
  return new RelaisError("conflict", `The migration ${name} changed after it ran. The operator must restore the file as it was released.`, {
    actor: "operator",
  });
}

function tooOld(name: string, needs: string): RelaisError {
  return new RelaisError(
    "conflict",
    `This release is too old for its database: ${name} ran there, which took away what releases without ${needs} use. The operator runs a newer release.`,
    { actor: "operator" },
  );
}

async function heldBy(client: pg.PoolClient, { name }: MigrationFile, cause: unknown): Promise<RelaisError> {
  const { rows } = await client.query<{ pid: number; seconds: number }>(
    `select pid, extract(epoch from clock_timestamp() - xact_start)::int as seconds from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null order by xact_start limit 1`,
  );
  const [oldest] = rows;
  const who = oldest === undefined ? "" : ` The oldest transaction is that of server process ${oldest.pid}, ${oldest.seconds} s old.`;
  return new RelaisError(
    "unavailable",
    `The migration ${name} gave up: others held its tables all the time, and nobody was kept waiting for it.${who} The operator lets it end (a dump?) or ends it, and runs relais migrate again.`,
    { actor: "operator", cause },
  );
}
