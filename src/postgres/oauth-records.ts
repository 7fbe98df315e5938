import type pg from "pg";
import { RelaisError } from "../core/errors.ts";
import type { FoundOauthRecord, OauthRecord, OauthRecords } from "../core/ports.ts";
import { sha256 } from "../core/transfer/manifest.ts";
import { SCHEMA } from "./pool.ts";

const TABLE = `${SCHEMA}.oauth_records`;
const VALUES = "(model, id, payload, grant_id, uid, expires_at) values ($1, $2, $3, $4, $5, $6)";
const REPLACE = "payload = excluded.payload, grant_id = excluded.grant_id, uid = excluded.uid, expires_at = excluded.expires_at";

/**
 * Each guarantee is one statement, so any number of processes over one database agree.
 * `insertOnce` replaces only a record whose time is over; `consume` moves only what nobody consumed.
 */
const SQL = {
  put: `insert into ${TABLE} ${VALUES} on conflict (model, id) do update set ${REPLACE}`,
  insertOnce: `insert into ${TABLE} ${VALUES} on conflict (model, id) do update set ${REPLACE}, consumed_at = null where oauth_records.expires_at <= now()`,
  find: `select payload, consumed_at from ${TABLE} where model = $1 and id = $2 and expires_at > now()`,
  findAmong: `select model, payload, consumed_at from ${TABLE} where model = any($1) and id = $2 and expires_at > now()`,
  findByUid: `select payload, consumed_at from ${TABLE} where model = $1 and uid = $2 and expires_at > now()`,
  consume: `update ${TABLE} set consumed_at = now() where model = $1 and id = $2 and consumed_at is null and expires_at > now()`,
  remove: `delete from ${TABLE} where model = $1 and id = $2`,
  removeByGrant: `delete from ${TABLE} where grant_id = $1`,
  removeExpired: `delete from ${TABLE} where expires_at <= now()`,
} as const;

export function createOauthRecords(pool: pg.Pool): OauthRecords {
  const run = (name: keyof typeof SQL, values: unknown[]) => query(pool, name, values);
  return {
    put: async (record) => void (await run("put", rowOf(record))),
    insertOnce: async (record) => (await run("insertOnce", rowOf(record))).rowCount === 1,
    find: async (model, id) => foundIn(await run("find", [model, sha256(id)])),
    findAmong: async (models, id) => {
      const result = await run("findAmong", [models, sha256(id)]);
      const found = foundIn(result);
      return found && { ...found, model: (result.rows[0] as { model: string }).model };
    },
    findByUid: async (model, uid) => foundIn(await run("findByUid", [model, uid])),
    consume: async (model, id) => (await run("consume", [model, sha256(id)])).rowCount === 1,
    remove: async (model, id) => (await run("remove", [model, sha256(id)])).rowCount === 1,
    removeByGrant: async (grantId) => void (await run("removeByGrant", [sha256(grantId)])),
    removeExpired: async () => (await run("removeExpired", [])).rowCount ?? 0,
  };
}

function rowOf(record: OauthRecord): unknown[] {
  const { model, id, payload, grantId, uid, expiresAt } = record;
  return [model, sha256(id), JSON.stringify(payload), grantId === undefined ? null : sha256(grantId), uid ?? null, expiresAt];
}

function foundIn(result: pg.QueryResult): FoundOauthRecord | null {
  const row = result.rows[0] as { payload: Record<string, unknown>; consumed_at: Date | null } | undefined;
  return row ? { payload: row.payload, consumedAt: row.consumed_at } : null;
}

/** Prepared once for each connection. */
async function query(pool: pg.Pool, name: keyof typeof SQL, values: unknown[]): Promise<pg.QueryResult> {
  try {
    return await pool.query({ name: `oauth_${name}`, text: SQL[name], values });
  } catch (cause) {
    throw new RelaisError("unavailable", "The database does not answer. Try again in a moment; if it lasts, tell the operator.", { cause });
  }
}
