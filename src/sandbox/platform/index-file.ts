import { DatabaseSync } from "node:sqlite";

/**
 * Committed rows survive the end of the process at any moment; against the loss of the machine they are as safe as its disk cache.
 */
const SCHEMA = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA busy_timeout = 5000;
CREATE TABLE IF NOT EXISTS items (
  account TEXT NOT NULL, dataset TEXT NOT NULL, key TEXT NOT NULL, source TEXT NOT NULL,
  media_type TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, file TEXT NOT NULL, stored_at TEXT NOT NULL,
  PRIMARY KEY (account, dataset, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS transfers (
  transfer TEXT PRIMARY KEY, account TEXT NOT NULL, consent TEXT NOT NULL, source TEXT NOT NULL, destination TEXT NOT NULL,
  datasets TEXT NOT NULL, expires TEXT NOT NULL, state TEXT NOT NULL, manifest TEXT, receipt TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS transfer_items (
  transfer TEXT NOT NULL, dataset TEXT NOT NULL, key TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
  PRIMARY KEY (transfer, dataset, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (
  number INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, dataset TEXT NOT NULL, key TEXT NOT NULL,
  UNIQUE (account, dataset, key)
) STRICT;
CREATE TABLE IF NOT EXISTS feed (name TEXT NOT NULL) STRICT;
INSERT INTO feed SELECT hex(randomblob(8)) WHERE NOT EXISTS (SELECT 1 FROM feed);
CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS nonces_by_end ON nonces (until);
`;

export function openIndexFile(file: string): DatabaseSync {
  const index = new DatabaseSync(file);
  index.exec(SCHEMA);
  return index;
}

/** All of `work`, or nothing of it. */
export function inOneStep<T>(index: DatabaseSync, work: () => T): T {
  index.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    index.exec("COMMIT");
    return result;
  } catch (error) {
    index.exec("ROLLBACK");
    throw error;
  }
}
