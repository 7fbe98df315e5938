import { createHash } from "node:crypto";
import { sql } from "kysely";
import { canonicalJson } from "../core/canonical-json.ts";
import type { LedgerReader, LedgerWriter } from "../core/ledger/ledger.ts";
import type { Database } from "./pool.ts";

/** Held until the transaction ends: entries get their places one transaction after the other. */
const LOCK = 7_267_402;

export function readLedger(db: Database): LedgerReader {
  return { size: () => sizeOf(db) };
}

export function writeLedger(db: Database): LedgerWriter {
  return {
    append: async ({ kind, at, body }) => {
      await sql`select pg_advisory_xact_lock(${LOCK})`.execute(db);
      const index = await sizeOf(db);
      const leaf = Buffer.from(canonicalJson({ ...body, kind, at: at.toISOString() }));
      const leafHash = createHash("sha256")
        .update(Buffer.from([0]))
        .update(leaf)
        .digest();
      await db.insertInto("logEntries").values({ index, leaf, leafHash }).execute();
      return index;
    },
  };
}

async function sizeOf(db: Database): Promise<number> {
  const { size } = await db
    .selectFrom("logEntries")
    .select((e) => e.fn.max("index").as("size"))
    .executeTakeFirstOrThrow();
  return size === null ? 0 : size + 1;
}
