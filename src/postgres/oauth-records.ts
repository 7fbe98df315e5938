import type pg from "pg";
import type { FoundOauthRecord, OauthRecord, OauthRecords } from "../core/ports.ts";
import { sha256 } from "../core/transfer/manifest.ts";
import { gathered } from "./gathered.ts";
import { SCHEMA } from "./pool.ts";
import { translate } from "./store-errors.ts";

const TABLE = `${SCHEMA}.oauth_records`;
const COLUMNS = "model, id, payload, grant_id, uid, expires_at";
/** Rows as one parameter. */
const ROWS = "jsonb_to_recordset($1) as r(model text, id text, payload jsonb, grant_id text, uid text, expires_at timestamptz)";
const REPLACE = "payload = excluded.payload, grant_id = excluded.grant_id, uid = excluded.uid, expires_at = excluded.expires_at";

/**
 * Each guarantee is one statement, so any number of processes over one database agree.
 * `insertOnce` replaces only a record whose time is over; `consume` moves only what nobody consumed.
 * What every request asks (tokens, proofs, assertions) is asked for many at once.
 */
const SQL = {
  put: `insert into ${TABLE} (${COLUMNS}) select ${COLUMNS} from ${ROWS} on conflict (model, id) do update set ${REPLACE}`,
  insertOnce: `insert into ${TABLE} (${COLUMNS}) select ${COLUMNS} from ${ROWS} on conflict (model, id) do update set ${REPLACE}, consumed_at = null
    where oauth_records.expires_at <= now() returning model, id`,
  find: `select payload, consumed_at from ${TABLE} where model = $1 and id = $2 and expires_at > now()`,
  findAmong: `select model, id, payload, consumed_at from ${TABLE} where model = any($1) and id = any($2) and expires_at > now()`,
  findByUid: `select payload, consumed_at from ${TABLE} where model = $1 and uid = $2 and expires_at > now()`,
  consume: `update ${TABLE} set consumed_at = now() where model = $1 and id = $2 and consumed_at is null and expires_at > now()`,
  remove: `delete from ${TABLE} where model = $1 and id = $2`,
  removeByGrant: `delete from ${TABLE} where grant_id = $1`,
} as const;

export function createOauthRecords(pool: pg.Pool): OauthRecords {
  const run = (name: keyof typeof SQL, values: unknown[]) => query(pool, name, values);
  const put = gathered<Row, void>(async (rows) => {
    await run("put", [JSON.stringify(rows)]);
    return rows.map(() => undefined);
  });
  const insertOnce = gathered<Row, boolean>((rows) => insertEach(run, rows));
  const findAmong = gathered<Sought, (FoundOauthRecord & { model: string }) | null>((sought) => findEach(run, sought));
  return {
    put: (record) => put(rowOf(record)),
    insertOnce: (record) => insertOnce(rowOf(record)),
    find: async (model, id) => foundIn((await run("find", [model, sha256(id)])).rows[0]),
    findAmong: (models, id) => findAmong({ models, id: sha256(id) }),
    findByUid: async (model, uid) => foundIn((await run("findByUid", [model, uid])).rows[0]),
    consume: async (model, id) => (await run("consume", [model, sha256(id)])).rowCount === 1,
    remove: async (model, id) => (await run("remove", [model, sha256(id)])).rowCount === 1,
    removeByGrant: async (grantId) => void (await run("removeByGrant", [sha256(grantId)])),
  };
}

type Run = (name: keyof typeof SQL, values: unknown[]) => Promise<pg.QueryResult>;
type Row = ReturnType<typeof rowOf>;
type FoundRow = { id: string; model: string; payload: Record<string, unknown>; consumed_at: Date | null };
interface Sought {
  models: readonly string[];
  id: string;
}

/** Which of them were not there. Of two that are the same the first one is asked, and the second was there before. */
async function insertEach(run: Run, rows: Row[]): Promise<boolean[]> {
  const nameOf = ({ model, id }: Pick<Row, "model" | "id">) => `${model} ${id}`;
  const firsts = new Map(rows.toReversed().map((row) => [nameOf(row), row]));
  const { rows: inserted } = await run("insertOnce", [JSON.stringify([...firsts.values()])]);
  const isNew = new Set((inserted as Row[]).map(nameOf));
  return rows.map((row) => isNew.has(nameOf(row)) && firsts.get(nameOf(row)) === row);
}

async function findEach(run: Run, sought: Sought[]): Promise<((FoundOauthRecord & { model: string }) | null)[]> {
  const models = [...new Set(sought.flatMap((one) => one.models))];
  const rows = (await run("findAmong", [models, sought.map(({ id }) => id)])).rows as FoundRow[];
  return sought.map((one) => {
    const row = rows.find(({ id, model }) => id === one.id && one.models.includes(model));
    const found = foundIn(row);
    return row && found ? { ...found, model: row.model } : null;
  });
}

function rowOf({ model, id, payload, grantId, uid, expiresAt }: OauthRecord) {
  const grant_id = grantId === undefined ? null : sha256(grantId);
  return { model, id: sha256(id), payload, grant_id, uid: uid ?? null, expires_at: expiresAt };
}

function foundIn(row: FoundRow | undefined): FoundOauthRecord | null {
  return row ? { payload: row.payload, consumedAt: row.consumed_at } : null;
}

/** Prepared once for each connection. */
async function query(pool: pg.Pool, name: keyof typeof SQL, values: unknown[]): Promise<pg.QueryResult> {
  try {
    return await pool.query({ name: `oauth_${name}`, text: SQL[name], values });
  } catch (error) {
    return translate(error);
  }
}
