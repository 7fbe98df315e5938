import { sql } from "kysely";
import { canonicalJson } from "../core/canonical-json.ts";
import { RelaisError } from "../core/errors.ts";
import type { LedgerReader, LedgerWriter, NewEntry } from "../core/ledger/ledger.ts";
import { MAX_ENTRY_BYTES } from "../core/ledger/tiles.ts";
import { completedBy, hashChildren, hashLeaf, type Node } from "../core/ledger/tree.ts";
import type { Database } from "./pool.ts";

/** Held until the transaction ends, and freed after it is visible: entries get their places one transaction after the other. */
const APPEND_LOCK = 7_267_402;
const CHECKPOINT_LOCK = 7_267_403;

export function readLedger(db: Database): LedgerReader {
  return {
    size: () => sizeOf(db),
    entries: async ({ from, to }) => {
      const rows = await db
        .selectFrom("logEntries")
        .select("leaf")
        .where("index", ">=", from)
        .where("index", "<", to)
        .orderBy("index")
        .execute();
      return rows.map(({ leaf }) => leaf);
    },
    hashes: async (level, { from, to }) => {
      const rows = await db
        .selectFrom("logHashes")
        .select("hash")
        .where("level", "=", level)
        .where("index", ">=", from)
        .where("index", "<", to)
        .orderBy("index")
        .execute();
      return rows.map(({ hash }) => hash);
    },
    nodes: (nodes) => hashesOf(db, nodes),
    lastCheckpoint: async () =>
      (await db.selectFrom("logCheckpoints").selectAll().orderBy("size", "desc").limit(1).executeTakeFirst()) ?? null,
  };
}

export function writeLedger(db: Database): LedgerWriter {
  return {
    append: async (entry) => {
      const leaf = leafOf(entry);
      await lock(db, APPEND_LOCK);
      const index = await sizeOf(db);
      await db.insertInto("logEntries").values({ index, leaf }).execute();
      await db
        .insertInto("logHashes")
        .values(await newHashes(db, index, leaf))
        .execute();
      return index;
    },
    lockCheckpoints: () => lock(db, CHECKPOINT_LOCK),
    keepCheckpoint: async (checkpoint) => {
      const { key, note } = checkpoint;
      await db
        .insertInto("logCheckpoints")
        .values(checkpoint)
        .onConflict((size) => size.column("size").doUpdateSet({ root: checkpoint.root, key, note }))
        .execute();
    },
  };
}

async function lock(db: Database, number: number): Promise<void> {
  await sql`select pg_advisory_xact_lock(${number})`.execute(db);
}

async function sizeOf(db: Database): Promise<number> {
  const { last } = await db
    .selectFrom("logEntries")
    .select((e) => e.fn.max("index").as("last"))
    .executeTakeFirstOrThrow();
  return last === null ? 0 : last + 1;
}

function leafOf({ kind, at, body }: NewEntry): Buffer {
  const leaf = Buffer.from(canonicalJson({ ...body, kind, at: at.toISOString() }));
  if (leaf.length > MAX_ENTRY_BYTES)
    throw new RelaisError(
      "too_large",
      `An entry of the public log holds at most ${MAX_ENTRY_BYTES} bytes. Log a digest of what is longer.`,
      {
        actor: "operator",
      },
    );
  return leaf;
}

/** The entry's own hash, and those of the subtrees that it completes. */
async function newHashes(db: Database, index: number, leaf: Buffer): Promise<(Node & { hash: Buffer })[]> {
  const completed = completedBy(index);
  const siblings = await hashesOf(
    db,
    completed.map(({ sibling }) => sibling),
  );
  const hashes = [{ level: 0, index, hash: hashLeaf(leaf) }];
  completed.forEach(({ node }, place) => {
    hashes.push({ ...node, hash: hashChildren(siblings[place] as Buffer, (hashes.at(-1) as { hash: Buffer }).hash) });
  });
  return hashes;
}

async function hashesOf(db: Database, nodes: Node[]): Promise<Buffer[]> {
  if (nodes.length === 0) return [];
  const rows = await db
    .selectFrom("logHashes")
    .selectAll()
    .where((e) => e.or(nodes.map(({ level, index }) => e.and([e("level", "=", level), e("index", "=", index)]))))
    .execute();
  const found = new Map(rows.map(({ level, index, hash }) => [`${level}/${index}`, hash]));
  return nodes.map(({ level, index }) => {
    const hash = found.get(`${level}/${index}`);
    if (!hash)
      throw new RelaisError("internal", "A hash of the public log is missing. The operator must restore the database.", {
        details: { level, index },
      });
    return hash;
  });
}
