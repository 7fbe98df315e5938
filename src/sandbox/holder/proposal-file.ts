import { DatabaseSync } from "node:sqlite";

/** What was proposed, and what was taken over: kept apart, so that the old value stands until somebody decides. */
const SCHEMA = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA busy_timeout = 5000;
CREATE TABLE IF NOT EXISTS transfers (
  transfer TEXT PRIMARY KEY, account TEXT NOT NULL, consent TEXT NOT NULL, source TEXT NOT NULL, destination TEXT NOT NULL,
  datasets TEXT NOT NULL, expires TEXT NOT NULL, state TEXT NOT NULL, manifest TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS proposals (
  transfer TEXT NOT NULL, account TEXT NOT NULL, dataset TEXT NOT NULL, key TEXT NOT NULL, content TEXT NOT NULL,
  bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT, base TEXT, decided_at TEXT, decided_by TEXT,
  PRIMARY KEY (transfer, dataset, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accepted (
  account TEXT NOT NULL, dataset TEXT NOT NULL, key TEXT NOT NULL, content TEXT NOT NULL, sha256 TEXT NOT NULL, modified TEXT NOT NULL,
  transfer TEXT NOT NULL, replaced TEXT,
  PRIMARY KEY (account, dataset, key, modified)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

export function openProposalFile(file: string): DatabaseSync {
  const index = new DatabaseSync(file);
  index.exec(SCHEMA);
  return index;
}
