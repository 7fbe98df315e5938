import { sql } from "kysely";
import { canonicalJson } from "../core/canonical-json.ts";
import { RelaisError } from "../core/errors.ts";
import type { LedgerReader, LedgerWriter, NewEntry } from "../core/ledger/ledger.ts";
import { MAX_ENTRY_BYTES } from "../core/ledger/tiles.ts";
import { completedBy, hashChildren, hashLeaf, nodesOf, type Node } from "../core/ledger/tree.ts";
import { LOCKS } from "./locks.ts";
import type { Database } from "./pool.ts";

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
    append: (entry) => appendAll(db, [entry]),
    appendAll: (entries) => appendAll(db, entries),
    lockCheckpoints: () => lock(db, LOCKS.logCheckpoints),
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

async function appendAll(db: Database, entries: readonly NewEntry[]): Promise<number> {
  const leaves = entries.map(leafOf);
  await lock(db, LOCKS.logAppend);
  const first = await sizeOf(db);
  if (leaves.length === 0) return first;
  await db
    .insertInto("logEntries")
    .values(leaves.map((leaf, place) => ({ index: first + place, leaf })))
    .execute();
  await db
    .insertInto("logHashes")
    .values(await newHashes(db, first, leaves))
    .execute();
  return first;
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

/** The entries' own hashes, and those of the subtrees that they complete: with what stands before them, which is read once. */
async function newHashes(db: Database, first: number, leaves: readonly Buffer[]): Promise<(Node & { hash: Buffer })[]> {
  const before = nodesOf({ from: 0, to: first });
  const known = new Map((await hashesOf(db, before)).map((hash, place) => [nameOf(before[place] as Node), hash]));
  return leaves.flatMap((leaf, place) => {
    const hashes = [{ level: 0, index: first + place, hash: hashLeaf(leaf) }];
    for (const { node, sibling } of completedBy(first + place)) {
      const [left, right] = [known.get(nameOf(sibling)) as Buffer, (hashes.at(-1) as { hash: Buffer }).hash];
      hashes.push({ ...node, hash: hashChildren(left, right) });
    }
    for (const one of hashes) known.set(nameOf(one), one.hash);
    return hashes;
  });
}

const nameOf = ({ level, index }: Node): string => `${level}/${index}`;

async function hashesOf(db: Database, nodes: Node[]): Promise<Buffer[]> {
  if (nodes.length === 0) return [];
  const rows = await db
    .selectFrom("logHashes")
    .selectAll()
    .where((e) => e.or(nodes.map(({ level, index }) => e.and([e("level", "=", level), e("index", "=", index)]))))
    .execute();
  const found = new Map(rows.map((row) => [nameOf(row), row.hash]));
  return nodes.map((node) => {
    const hash = found.get(nameOf(node));
    if (!hash)
      throw new RelaisError("internal", "A hash of the public log is missing. The operator must restore the database.", {
        details: { ...node },
      });
    return hash;
  });
}
