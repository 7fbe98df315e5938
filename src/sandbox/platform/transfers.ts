import type { DatabaseSync } from "node:sqlite";
import { RelaisError } from "../../core/errors.ts";
import { inOneStep } from "./index-file.ts";
import type { KeptItem, Shelves } from "./shelves.ts";

export interface Announcement {
  transfer: string;
  account: string;
  consent: string;
  source: string;
  destination: string;
  datasets: { dataset: string; items: number | null; bytes: number | null }[];
  expires: string;
}

export interface Incoming extends Announcement {
  state: "open" | "complete" | "stopped";
  manifest: string | null;
  receipt: string | null;
}

export interface TransferItem {
  dataset: string;
  key: string;
  bytes: number;
  sha256: string;
}

/** Transfers that Relais announced, and what came with each. */
export interface Transfers {
  /** False where it is known already, by the same announcement. @throws RelaisError `conflict` by another one, or for a data set that another source fills. */
  announce(announcement: Announcement): boolean;
  /** Null for one that was never announced. */
  find(transfer: string): Incoming | null;
  /** @throws RelaisError `not_found`. */
  get(transfer: string): Incoming;
  /** Items in the order of their names; `after` continues behind one. */
  items(transfer: string, page?: { limit: number; after: { dataset: string; key: string } | null }): TransferItem[];
  /** Bytes of a data set that arrived with this transfer, but for one key. */
  bytesBeside(transfer: string, item: { dataset: string; key: string }): number;
  /** Lists what was shelved. Returns what it replaces. @throws RelaisError `conflict` where the transfer is no longer open. */
  keep(transfer: string, item: KeptItem): KeptItem | null;
  complete(transfer: string, manifest: string, receipt: string): void;
  stop(transfer: string): void;
  /** True for exactly one call with this nonce until its time is over. */
  useNonce(nonce: string, until: Date): boolean;
}

export function openTransfers(index: DatabaseSync, shelves: Shelves): Transfers {
  const get = (transfer: string): Incoming => find(index, transfer) ?? unknown();
  return {
    get,
    find: (transfer) => find(index, transfer),
    announce: (announcement) => inOneStep(index, () => announce(index, announcement)),
    items: (transfer, page) => itemsOf(index, transfer, page),
    bytesBeside: (transfer, { dataset, key }) => {
      const row = index
        .prepare("SELECT sum(bytes) AS bytes FROM transfer_items WHERE transfer = ? AND dataset = ? AND key <> ?")
        .get(transfer, dataset, key);
      return Number(row?.["bytes"] ?? 0);
    },
    keep: (transfer, item) =>
      inOneStep(index, () => {
        assertOpen(get(transfer));
        assertOneSource(index, item.account, [item.dataset], item.source);
        index
          .prepare("INSERT OR REPLACE INTO transfer_items VALUES (?, ?, ?, ?, ?)")
          .run(transfer, item.dataset, item.key, item.bytes, item.sha256);
        return shelves.list(item);
      }),
    complete: (transfer, manifest, receipt) =>
      inOneStep(index, () => {
        assertOpen(get(transfer));
        index
          .prepare("UPDATE transfers SET state = 'complete', manifest = ?, receipt = ? WHERE transfer = ?")
          .run(manifest, receipt, transfer);
      }),
    stop: (transfer) => void index.prepare("UPDATE transfers SET state = 'stopped' WHERE transfer = ? AND state = 'open'").run(transfer),
    useNonce: (nonce, until) => {
      index.prepare("DELETE FROM nonces WHERE until < ?").run(Date.now());
      return index.prepare("INSERT OR IGNORE INTO nonces VALUES (?, ?)").run(nonce, until.getTime()).changes === 1;
    },
  };
}

function find(index: DatabaseSync, transfer: string): Incoming | null {
  const row = index.prepare("SELECT * FROM transfers WHERE transfer = ?").get(transfer);
  return row === undefined ? null : ({ ...row, datasets: JSON.parse(String(row["datasets"])) } as unknown as Incoming);
}

function announce(index: DatabaseSync, announcement: Announcement): boolean {
  const { transfer, account, consent, source, destination, expires } = announcement;
  const known = find(index, transfer);
  if (known) {
    const same = known.account === account && known.consent === consent && known.source === source;
    if (!same) throw new RelaisError("conflict", "This transfer was announced before, with other ends. Announce it under another name.");
    return false;
  }
  assertOneSource(
    index,
    account,
    announcement.datasets.map(({ dataset }) => dataset),
    source,
  );
  const datasets = JSON.stringify(announcement.datasets);
  index
    .prepare("INSERT INTO transfers VALUES (?, ?, ?, ?, ?, ?, ?, 'open', NULL, NULL)")
    .run(transfer, account, consent, source, destination, datasets, expires);
  return true;
}

/** One data set of an account has one source, so that a key means one item. */
function assertOneSource(index: DatabaseSync, account: string, datasets: string[], source: string): void {
  const other = index.prepare("SELECT 1 FROM items WHERE account = ? AND dataset = ? AND source <> ? LIMIT 1");
  if (datasets.every((dataset) => other.get(account, dataset, source) === undefined)) return;
  throw new RelaisError(
    "conflict",
    "This account already keeps one of these data sets from another source. The person can delete it first.",
    { actor: "person" },
  );
}

export function assertOpen({ state }: Incoming): void {
  if (state === "open") return;
  throw new RelaisError(
    "conflict",
    `This transfer is ${state === "complete" ? "complete" : "stopped"}: it takes nothing more. Announce a new one.`,
  );
}

function itemsOf(index: DatabaseSync, transfer: string, page: Parameters<Transfers["items"]>[1]): TransferItem[] {
  const after = page?.after ?? { dataset: "", key: "" };
  const rows = index.prepare(
    "SELECT dataset, key, bytes, sha256 FROM transfer_items WHERE transfer = ? AND (dataset, key) > (?, ?) ORDER BY dataset, key LIMIT ?",
  );
  return rows.all(transfer, after.dataset, after.key, page?.limit ?? -1) as unknown as TransferItem[];
}

function unknown(): never {
  throw new RelaisError("not_found", "This transfer was never announced here. Announce it first.");
}
