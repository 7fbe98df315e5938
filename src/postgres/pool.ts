import { CamelCasePlugin, Kysely, PostgresDialect } from "kysely";
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

/** Connections to one PostgreSQL database (13 or newer). `size` bounds what this process may hold open at once. */
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
 * Connections for the few statements that every use of a token asks, prepared once on each. By default PostgreSQL plans the larger ones anew each
 * time, which costs it four times what they do (1.3 ms against 0.3 ms); their plan is the same whatever is asked.
 */
export function openPreparedPool(url: string, size = 4): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: size,
    options: `-c search_path=${SCHEMA} -c timezone=UTC -c plan_cache_mode=force_generic_plan ${SILENCE}`,
    connectionTimeoutMillis: 10_000,
  });
  return surviving(pool);
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
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }), plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })] });
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
