import type { DatabaseSync } from "node:sqlite";
import { canonicalJson } from "../../core/canonical-json.ts";
import { RelaisError } from "../../core/errors.ts";
import { sha256 } from "../../core/transfer/manifest.ts";
import { cursorOf, positionOf } from "../export/cursor.ts";
import type { Library, ListedItem } from "../export/library.ts";

/** What a person corrected in their space, beside what the organisation sent: the one never writes over the other. */
export interface Correction {
  account: string;
  dataset: string;
  key: string;
  content: string;
  at: string;
}

export interface Corrections {
  /** The newest value replaces an earlier correction of the same item. @throws RelaisError `too_large`. */
  save(correction: Pick<Correction, "account" | "dataset" | "key"> & { value: unknown }): void;
  find(account: string, dataset: string, key: string): Correction | null;
  all(account: string): Correction[];
  drop(account: string, dataset: string, key: string): void;
  /** As a source gives them under a consent to propose: corrections alone, nothing else of the account. */
  library: Library;
}

const LONGEST_BYTES = 16 * 1024;

export function openCorrections(index: DatabaseSync): Corrections {
  index.exec(`CREATE TABLE IF NOT EXISTS corrections (
    account TEXT NOT NULL, dataset TEXT NOT NULL, key TEXT NOT NULL, content TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (account, dataset, key)
  ) STRICT, WITHOUT ROWID;`);
  const all: Corrections["all"] = (account) =>
    index.prepare("SELECT * FROM corrections WHERE account = ? ORDER BY dataset, key").all(account) as unknown as Correction[];
  const find: Corrections["find"] = (account, dataset, key) =>
    all(account).find((one) => one.dataset === dataset && one.key === key) ?? null;
  return {
    all,
    find,
    save: ({ account, dataset, key, value }) => {
      const content = canonicalJson(value);
      if (Buffer.byteLength(content) > LONGEST_BYTES)
        throw new RelaisError("too_large", "A correction is at most 16 KiB.", { actor: "person" });
      index
        .prepare("INSERT OR REPLACE INTO corrections VALUES (?, ?, ?, ?, ?)")
        .run(account, dataset, key, content, new Date().toISOString());
    },
    drop: (account, dataset, key) =>
      void index.prepare("DELETE FROM corrections WHERE account = ? AND dataset = ? AND key = ?").run(account, dataset, key),
    library: libraryOf(all, find),
  };
}

function libraryOf(all: Corrections["all"], find: Corrections["find"]): Library {
  const inSet = (account: string, dataset: string): Correction[] => all(account).filter((one) => one.dataset === dataset);
  return {
    counts: async (account) =>
      [...Map.groupBy(all(account), ({ dataset }) => dataset)].map(([dataset, items]) => ({
        dataset,
        items: items.length,
        bytes: items.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0),
      })),
    page: async ({ account, dataset, cursor, limit }) => {
      const items = inSet(account, dataset);
      const start = positionOf(cursor);
      const end = start + limit;
      return { items: items.slice(start, end).map(listed), next: end < items.length ? cursorOf(String(end)) : null };
    },
    read: async (account, dataset, key) => {
      const found = find(account, dataset, key);
      return found && { ...listed(found), body: once(Buffer.from(found.content)) };
    },
  };
}

function listed({ key, content, at }: Correction): ListedItem {
  return {
    key,
    mediaType: "application/json",
    bytes: Buffer.byteLength(content),
    sha256: sha256(content),
    modified: at,
    content: JSON.parse(content) as unknown,
  };
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
