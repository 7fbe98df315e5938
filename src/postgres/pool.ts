import { CamelCasePlugin, Kysely, PostgresDialect, sql, type PostgresPool, type PostgresPoolClient, type RawBuilder } from "kysely";
import pg from "pg";
import type { Tables } from "./tables.ts";

/** Everything of Relais lives in this schema; BullMQ keeps its own, `bullmq`, in the same database. */
export const SCHEMA = "relais";

// int8 arrives as text by default. Every int8 here is a byte count, far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export type Database = Kysely<Tables>;

/**
 * A process that falls silent in the middle of a transaction (frozen, swapped out, cut off) is cut off by the server, and what it had locked is free again. Everything
 * that Relais does within a transaction is a statement of this database: between two of them it computes, for milliseconds.
 */
const SILENCE = "-c idle_in_transaction_session_timeout=10000";

/** Connections to one PostgreSQL database. `size` bounds what this process may hold open at once. */
export function openPool(url: string, size = 10): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: size,
    options: `-c search_path=${SCHEMA} -c timezone=UTC ${SILENCE}`,
    connectionTimeoutMillis: 10_000,
  });
  return surviving(pool);
}

/**
 * What is asked for a few rows at a time is looked up row by row, by its key. Where a table was empty when PostgreSQL last counted it, it would rather read all of it
 * each time; and a plan that was made then stays. What has no index then looks costly without end, to a PostgreSQL before 18: it must not be compiled for that.
 */
export const ROW_BY_ROW = { enable_hashjoin: "off", enable_mergejoin: "off", enable_seqscan: "off", jit: "off" } as const;

/**
 * Connections for the few statements that every use of a token asks, prepared once on each. By default PostgreSQL plans the larger ones anew each
 * time, which costs it four times what they do (1.3 ms against 0.3 ms); their plan is the same whatever is asked.
 */
export function openPreparedPool(url: string, size = 4): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: size,
    options: `-c search_path=${SCHEMA} -c timezone=UTC -c plan_cache_mode=force_generic_plan ${settingsOf(ROW_BY_ROW)} ${SILENCE}`,
    connectionTimeoutMillis: 10_000,
  });
  return surviving(pool);
}

const settingsOf = (settings: Record<string, string>): string =>
  Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(" ");

/** The same for the rest of a transaction. */
export async function lookUpEach(db: Database): Promise<void> {
  await sql`select set_config(name, 'off', true) from unnest(${Object.keys(ROW_BY_ROW)}::text[]) as name`.execute(db);
}

/**
 * A connection that dies is replaced at its next use, and a query that was under way fails by itself. Without listeners the death of an idle
 * connection, or of one that is lent out and waiting, would end the process.
 */
function surviving(pool: pg.Pool): pg.Pool {
  pool.on("error", () => undefined);
  pool.on("connect", (client) => void client.on("error", () => undefined));
  return pool;
}

export function openDatabase(pool: pg.Pool): Database {
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: preparing(pool) }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  });
}

/**
 * A statement that is planned once on each connection, and not each time: for what is asked many times a second, and takes longer to plan than to do. It names the
 * columns that it gives: what gives `*` fails where a migration adds one (docs/upgrading.md). The name belongs to this text alone.
 */
export const prepared = <T>(name: string, statement: RawBuilder<T>): RawBuilder<T> =>
  sql<T>`${sql.raw(`/* prepared: ${name} */`)} ${statement}`;

const NAME = /^\/\* prepared: (\w+) \*\//;

/** Kysely knows no names of statements: they stand at the head of their texts. */
function preparing(pool: pg.Pool): PostgresPool {
  const clients = new WeakMap<pg.PoolClient, PostgresPoolClient>();
  const preparingClient = (client: pg.PoolClient): PostgresPoolClient => {
    const query = (text: string, values: unknown[]) => {
      const name = NAME.exec(text)?.[1];
      return client.query(name === undefined ? { text, values } : { name, text, values });
    };
    // Kysely keeps what it knows of a connection by this object.
    const known = clients.get(client) ?? (Object.create(client, { query: { value: query } }) as PostgresPoolClient);
    clients.set(client, known);
    return known;
  };
  const connect = async (): Promise<PostgresPoolClient> => preparingClient(await pool.connect());
  return Object.create(pool, { connect: { value: connect }, end: { value: () => pool.end() } }) as PostgresPool;
}

/** Connections for BullMQ's PostgreSQL backend, which finds its tables by the search path and keeps one connection for LISTEN. */
export function openQueuePool(url: string, size = 6): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: size,
    options: "-c search_path=bullmq",
    keepAlive: true,
    connectionTimeoutMillis: 10_000,
  });
  return surviving(pool);
}
