import { RelaisError } from "../../src/core/errors.ts";
import {
  itemName,
  type Adapter,
  type Bytes,
  type Draft,
  type Opening,
  type SourceItem,
  type SourcePage,
} from "../../src/core/transfer/adapter.ts";
import { readCompactForm, type CompactForm } from "../../src/core/transfer/compact-form.ts";
import { sha256, type Manifest, type ReceiptItem } from "../../src/core/transfer/manifest.ts";

/** What a fake account holds, and how it misbehaves. Every call is written into `calls`, so that a test judges from outside. */
export interface FakeAccount {
  items: { dataset: string; key: string; content: Uint8Array; announced?: { bytes: number | null; sha256: string | null } }[];
  stored: Map<string, { sha256: string; bytes: number }>;
  calls: { at: number; call: string; item?: string }[];
  pageSize: number;
  /** Thrown before the named call; a function may count. */
  fault?: (call: string, item?: string) => Promise<void> | void;
  paging?: (cursor: string | null) => string | null | undefined;
  /** Changes what the destination says it stored. */
  lie?: (items: ReceiptItem[]) => ReceiptItem[];
  /** A platform that signs: makes the receipt for what it stored. */
  sign?: (items: ReceiptItem[], manifest: Manifest, jws: string) => Promise<string>;
  erased: boolean;
  /** Takes everything in one request. */
  takesCompactForm?: boolean;
}

export function fakeAccount(change: Partial<FakeAccount> = {}): FakeAccount {
  return { items: [], stored: new Map(), calls: [], pageSize: 50, erased: false, ...change };
}

export function numberedItems(dataset: string, count: number): FakeAccount["items"] {
  return Array.from({ length: count }, (_, index) => ({
    dataset,
    key: `item-${String(index).padStart(6, "0")}`,
    content: Buffer.from(`content of ${dataset} ${index}`),
  }));
}

/** An adapter over accounts in memory: it keeps the contract of `src/core/transfer/adapter.ts` and nothing of a wire. */
export function fakeAdapter(
  source: FakeAccount,
  destination: FakeAccount,
  options: { needsDigest?: boolean; concurrency?: number } = {},
): Adapter {
  return {
    name: "self-data",
    needsDigest: options.needsDigest ?? false,
    concurrency: options.concurrency ?? 4,
    openSource: async (opening) => openSource(source, opening),
    openDestination: async (opening, draft) => openDestination(destination, opening, draft),
  };
}

async function note(account: FakeAccount, opening: Opening, call: string, item?: string): Promise<void> {
  if (opening.signal.aborted && call !== "stop") throw new RelaisError("stopped", "The opening has ended.");
  account.calls.push({ at: Date.now(), call, ...(item === undefined ? {} : { item }) });
  await account.fault?.(call, item);
}

async function openSource(account: FakeAccount, opening: Opening): ReturnType<Adapter["openSource"]> {
  const of = (dataset: string) => account.items.filter((item) => item.dataset === dataset);
  return {
    inventory: async () => {
      await note(account, opening, "inventory");
      return [...new Set(account.items.map((item) => item.dataset))].map((dataset) => ({
        dataset,
        items: of(dataset).length,
        bytes: of(dataset).reduce((sum, item) => sum + item.content.byteLength, 0),
      }));
    },
    list: async (dataset, cursor): Promise<SourcePage> => {
      await note(account, opening, "list", `${dataset} ${cursor}`);
      const from = Number(cursor ?? 0);
      const items = of(dataset).slice(from, from + account.pageSize);
      const next = from + items.length < of(dataset).length ? String(from + items.length) : null;
      const forced = account.paging?.(cursor);
      return { items: items.map(listed), omissions: [], next: forced === undefined ? next : forced };
    },
    read: async (item) => {
      await note(account, opening, "read", itemName(item));
      const found = account.items.find((candidate) => itemName(candidate) === itemName(item));
      if (!found) throw new RelaisError("not_found", "The source no longer has this item.");
      return inChunks(found.content);
    },
    erase: async () => {
      await note(account, opening, "erase");
      account.erased = true;
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function listed(item: FakeAccount["items"][number]): SourceItem {
  const announced = item.announced ?? { bytes: item.content.byteLength, sha256: sha256(item.content) };
  return { dataset: item.dataset, key: item.key, mediaType: "application/json", content: null, ...announced };
}

async function* inChunks(content: Uint8Array): Bytes {
  for (let at = 0; at < content.byteLength; at += 65_536) yield content.subarray(at, at + 65_536);
}

async function handOver(
  account: FakeAccount,
  opening: Opening,
  { contentType, body }: CompactForm,
): Promise<{ kind: "observed"; items: ReceiptItem[] }> {
  await note(account, opening, "handOver");
  const items = readCompactForm(contentType, Buffer.from(body)).items.map(({ dataset, key, body: bytes }) => ({
    dataset,
    key,
    bytes: bytes.byteLength,
    "sha-256": sha256(bytes),
  }));
  for (const item of items) account.stored.set(itemName(item), { bytes: item.bytes, sha256: item["sha-256"] });
  return { kind: "observed", items };
}

async function openDestination(account: FakeAccount, opening: Opening, draft: Draft["manifest"]): ReturnType<Adapter["openDestination"]> {
  void draft;
  return {
    announce: async () => {
      await note(account, opening, "announce");
      return new Map([...account.stored].map(([name, { sha256: digest }]) => [name, digest]));
    },
    put: async (item, body) => {
      await note(account, opening, "put", itemName(item));
      const chunks: Uint8Array[] = [];
      if (body instanceof Uint8Array) chunks.push(body);
      else for await (const chunk of body) chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      account.stored.set(itemName(item), { sha256: sha256(bytes), bytes: bytes.byteLength });
      await account.fault?.("stored", itemName(item));
    },
    complete: async (manifest, jws) => {
      await note(account, opening, "complete");
      const items = [...account.stored].map(([name, { sha256: digest, bytes }]) => ({
        dataset: name.slice(0, name.indexOf("/")),
        key: name.slice(name.indexOf("/") + 1),
        bytes,
        "sha-256": digest,
      }));
      if (account.sign) return { kind: "signed", jws: await account.sign(items, manifest, jws) };
      return { kind: "observed", items: account.lie?.(items) ?? items };
    },
    ...(account.takesCompactForm ? { handOver: (_manifest, form) => handOver(account, opening, form) } : {}),
    stop: async () => note(account, opening, "stop"),
    [Symbol.asyncDispose]: async () => undefined,
  };
}
