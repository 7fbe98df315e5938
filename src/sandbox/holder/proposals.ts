import type { DatabaseSync } from "node:sqlite";
import { RelaisError } from "../../core/errors.ts";
import type { OmissionReason } from "../../core/transfer/manifest.ts";
import { inOneStep } from "../platform/index-file.ts";
import type { Announcement, Incoming, TransferItem } from "../platform/transfers.ts";

export type Outcome = "received" | "accepted" | "waiting" | "refused";

export interface Proposal {
  transfer: string;
  account: string;
  dataset: string;
  key: string;
  content: string;
  bytes: number;
  sha256: string;
  outcome: Outcome;
  reason: OmissionReason | null;
  /** Digest of the value that stood when it was proposed; null where there was none. */
  base: string | null;
}

export type Name = Pick<Proposal, "transfer" | "dataset" | "key">;

export interface AcceptedValue {
  content: string;
  sha256: string;
  modified: string;
}

/** What Relais brought as proposals, what became of each, and the values that were taken over, with those that they replaced. */
export interface Proposals {
  find(transfer: string): (Incoming & { manifest: string | null }) | null;
  /** @throws RelaisError `not_found`. */
  get(transfer: string): Incoming;
  announce(announcement: Announcement): boolean;
  keep(proposal: Omit<Proposal, "outcome" | "reason">): void;
  of(transfer: string, page?: { limit: number; after: { dataset: string; key: string } | null }): Proposal[];
  items(transfer: string, page?: { limit: number; after: { dataset: string; key: string } | null }): TransferItem[];
  waiting(): Proposal[];
  complete(transfer: string, manifest: string): void;
  /** What was not decided is dropped: nobody decides on it any more. */
  stop(transfer: string): void;
  /** False where it was decided before, or is stopped: a decision is made once. `replaced`: the value that stood. */
  decide(
    name: Name,
    decision: { outcome: Exclude<Outcome, "received">; reason?: OmissionReason; by: "rule" | "person"; replaced: string | null },
  ): boolean;
  accepted(account: string, dataset: string, key: string): AcceptedValue | null;
  /** Which items of a data set have a value that was taken over. */
  acceptedKeys(account: string, dataset: string): string[];
  useNonce(nonce: string, until: Date): boolean;
}

export function openProposals(index: DatabaseSync): Proposals {
  const find: Proposals["find"] = (transfer) => {
    const row = index.prepare("SELECT *, NULL AS receipt FROM transfers WHERE transfer = ?").get(transfer);
    return row === undefined ? null : ({ ...row, datasets: JSON.parse(String(row["datasets"])) } as unknown as Incoming);
  };
  const of: Proposals["of"] = (transfer, page) => {
    const after = page?.after ?? { dataset: "", key: "" };
    return index
      .prepare(`SELECT ${COLUMNS} FROM proposals WHERE transfer = ? AND (dataset, key) > (?, ?) ORDER BY dataset, key LIMIT ?`)
      .all(transfer, after.dataset, after.key, page?.limit ?? -1) as unknown as Proposal[];
  };
  const get = (transfer: string): Incoming => find(transfer) ?? unknown();
  return {
    find,
    get,
    of,
    items: (transfer, page) => of(transfer, page).map(({ dataset, key, bytes, sha256 }) => ({ dataset, key, bytes, sha256 })),
    announce: (announcement) => inOneStep(index, () => announce(index, find, announcement)),
    keep: (proposal) => inOneStep(index, () => keep(index, get, proposal)),
    waiting: () =>
      index
        .prepare(
          `SELECT ${COLUMNS} FROM proposals WHERE outcome = 'waiting' AND transfer IN (SELECT transfer FROM transfers WHERE state = 'complete') ORDER BY transfer, dataset, key LIMIT 200`,
        )
        .all() as unknown as Proposal[],
    complete: (transfer, manifest) =>
      void index
        .prepare("UPDATE transfers SET state = 'complete', manifest = ? WHERE transfer = ? AND state = 'open'")
        .run(manifest, transfer),
    stop: (transfer) =>
      inOneStep(index, () => {
        index.prepare("UPDATE transfers SET state = 'stopped' WHERE transfer = ?").run(transfer);
        index.prepare("DELETE FROM proposals WHERE transfer = ? AND outcome IN ('received', 'waiting')").run(transfer);
      }),
    decide: (name, decision) => inOneStep(index, () => decide(index, get, name, decision)),
    accepted: (account, dataset, key) =>
      (index
        .prepare(
          "SELECT content, sha256, modified FROM accepted WHERE account = ? AND dataset = ? AND key = ? ORDER BY modified DESC LIMIT 1",
        )
        .get(account, dataset, key) as unknown as AcceptedValue | undefined) ?? null,
    acceptedKeys: (account, dataset) =>
      index
        .prepare("SELECT DISTINCT key FROM accepted WHERE account = ? AND dataset = ?")
        .all(account, dataset)
        .map((row) => String(row["key"])),
    useNonce: (nonce, until) => {
      index.prepare("DELETE FROM nonces WHERE until < ?").run(Date.now());
      return index.prepare("INSERT OR IGNORE INTO nonces VALUES (?, ?)").run(nonce, until.getTime()).changes === 1;
    },
  };
}

const COLUMNS = "transfer, account, dataset, key, content, bytes, sha256, outcome, reason, base";

function announce(index: DatabaseSync, find: Proposals["find"], announcement: Announcement): boolean {
  const { transfer, account, consent, source, destination, datasets, expires } = announcement;
  const known = find(transfer);
  if (known) {
    if (known.account === account && known.consent === consent && known.source === source) return false;
    throw new RelaisError("conflict", "This transfer was announced before, with other ends. Announce it under another name.");
  }
  index
    .prepare("INSERT INTO transfers VALUES (?, ?, ?, ?, ?, ?, ?, 'open', NULL)")
    .run(transfer, account, consent, source, destination, JSON.stringify(datasets), expires);
  return true;
}

function keep(index: DatabaseSync, get: Proposals["get"], proposal: Omit<Proposal, "outcome" | "reason">): void {
  const { transfer, account, dataset, key, content, bytes, sha256, base } = proposal;
  if (get(transfer).state !== "open") throw new RelaisError("conflict", "This transfer takes nothing more. Announce a new one.");
  index
    .prepare("INSERT OR REPLACE INTO proposals VALUES (?, ?, ?, ?, ?, ?, ?, 'received', NULL, ?, NULL, NULL)")
    .run(transfer, account, dataset, key, content, bytes, sha256, base);
}

function decide(index: DatabaseSync, get: Proposals["get"], name: Name, decision: Parameters<Proposals["decide"]>[1]): boolean {
  const { transfer, dataset, key } = name;
  if (get(transfer).state === "stopped") return false;
  const at = new Date().toISOString();
  const moved = index
    .prepare(
      "UPDATE proposals SET outcome = ?, reason = ?, decided_at = ?, decided_by = ? WHERE transfer = ? AND dataset = ? AND key = ? AND outcome IN ('received', 'waiting') AND outcome <> ?",
    )
    .run(decision.outcome, decision.reason ?? null, at, decision.by, transfer, dataset, key, decision.outcome);
  if (moved.changes !== 1) return false;
  if (decision.outcome === "accepted")
    index
      .prepare(
        "INSERT INTO accepted SELECT account, dataset, key, content, sha256, ?, transfer, ? FROM proposals WHERE transfer = ? AND dataset = ? AND key = ?",
      )
      .run(at, decision.replaced, transfer, dataset, key);
  return true;
}

function unknown(): never {
  throw new RelaisError("not_found", "This transfer was never announced here. Announce it first.");
}
