import { canonicalJson } from "../../src/core/canonical-json.ts";
import { RelaisError } from "../../src/core/errors.ts";
import { sha256 } from "../../src/core/transfer/manifest.ts";
import { pageOfChanges } from "../../src/sandbox/export/changes.ts";
import { cursorOf, positionOf } from "../../src/sandbox/export/cursor.ts";
import type { ChangedPage, Library, ListedItem, PageAsked } from "../../src/sandbox/export/library.ts";

/** What a source holds, whoever asks, as a test writes it: with a journal of what changed, and with what it may do wrong. */
export interface JournalLibrary extends Library {
  put(dataset: string, key: string, content: unknown): void;
  remove(dataset: string, key: string): void;
  /** It names no positions: what is new is asked for by a time. */
  isTimed: boolean;
  /** Its journal was lost. */
  forget(): void;
  /** Times that it was asked for what is new since. */
  asked: (Date | null)[];
  /** Has the last word on a page of changes. */
  falsify: ((page: ChangedPage, cursor: string | null) => ChangedPage) | null;
  /** Pages of the whole list; null for the true one. */
  pages: ((asked: PageAsked) => { items: ListedItem[]; next: string | null }) | null;
  /** Keys that are listed, and then cannot be read. */
  lost: Set<string>;
  isOut: boolean;
  listed(dataset: string, key: string): ListedItem;
}

interface Held {
  content: unknown;
  at: Date;
}

export function journalLibrary(): JournalLibrary {
  const sets = new Map<string, Map<string, Held>>();
  let journal: { dataset: string; key: string }[] = [];
  let age = 0;
  const setOf = (dataset: string): Map<string, Held> => sets.get(dataset) ?? sets.set(dataset, new Map()).get(dataset)!;
  const listed: JournalLibrary["listed"] = (dataset, key) => {
    const { content, at } = setOf(dataset).get(key) as Held;
    const bytes = Buffer.from(canonicalJson(content));
    const entry = { key, mediaType: "application/json", bytes: bytes.length, sha256: sha256(bytes), modified: at.toISOString() };
    return key.endsWith(".raw") ? entry : { ...entry, content };
  };
  const all = (dataset: string): ListedItem[] => [...setOf(dataset).keys()].sort().map((key) => listed(dataset, key));
  const library: JournalLibrary = {
    isTimed: false,
    asked: [],
    falsify: null,
    pages: null,
    lost: new Set(),
    isOut: false,
    listed,
    put: (dataset, key, content) => {
      setOf(dataset).set(key, { content, at: new Date() });
      journal.push({ dataset, key });
    },
    remove: (dataset, key) => {
      setOf(dataset).delete(key);
      journal.push({ dataset, key });
    },
    forget: () => {
      journal = [];
      age += 1;
    },
    counts: async () =>
      [...sets.keys()].map((dataset) => ({
        dataset,
        items: all(dataset).length,
        bytes: all(dataset).reduce((sum, { bytes }) => sum + bytes, 0),
      })),
    position: async () => (library.isTimed ? null : cursorOf(`${age}:${journal.length}`)),
    changes: async ({ dataset, position, ...paging }) => {
      refuseIfOut(library);
      const [whose, seen] = Buffer.from(position, "base64url").toString().split(":").map(Number);
      if (whose !== age || seen === undefined) return null;
      const keys = [...new Set(journal.slice(seen).flatMap((line) => (line.dataset === dataset ? [line.key] : [])))];
      const page = pageOfChanges(
        keys.map((key) => ({ key, item: setOf(dataset).has(key) ? listed(dataset, key) : null })),
        paging,
      );
      return library.falsify?.(page, paging.cursor) ?? page;
    },
    page: async (asked) => {
      refuseIfOut(library);
      library.asked.push(asked.since);
      if (library.pages !== null) return library.pages(asked);
      const items = all(asked.dataset).filter(({ modified }) => asked.since === null || new Date(modified) >= asked.since);
      const [start, end] = [positionOf(asked.cursor), positionOf(asked.cursor) + asked.limit];
      return { items: items.slice(start, end), next: end < items.length ? cursorOf(String(end)) : null };
    },
    read: async (_account, dataset, key) => {
      if (library.lost.has(key) || !setOf(dataset).has(key)) return null;
      const { content } = setOf(dataset).get(key) as Held;
      const bytes = Buffer.from(canonicalJson(content));
      return { ...listed(dataset, key), body: once(bytes) };
    },
  };
  return library;
}

function refuseIfOut({ isOut }: JournalLibrary): void {
  if (isOut) throw new RelaisError("peer_unavailable", "This source is out of order. It comes back.");
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
