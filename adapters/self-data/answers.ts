import { canonicalJson } from "../../src/core/canonical-json.ts";
import { RelaisError } from "../../src/core/errors.ts";
import {
  itemName,
  type ChangesPage,
  type DatasetCount,
  type Opening,
  type SourceItem,
  type SourcePage,
} from "../../src/core/transfer/adapter.ts";
import { isMediaType } from "../../src/core/transfer/folder-layout.ts";
import { flawOfItemKey, printableKey } from "../../src/core/transfer/item-key.ts";
import { readContentDigest, sha256 } from "../../src/core/transfer/manifest.ts";
import { actorOf, brokenProtocol } from "./failures.ts";

type Peer = Pick<Opening, "participant">;
type Members = Record<string, unknown>;

const MAX_PAGE = 1000;
const MAX_CURSOR = 4096;

/** `{"datasets":[{"dataset","items","bytes"}]}` */
export function readInventory(peer: Peer, text: string): DatasetCount[] {
  const datasets = listOf(peer, objectOf(peer, parse(peer, text)), "datasets");
  return datasets.map((entry) => {
    const count = objectOf(peer, entry);
    return { dataset: textOf(peer, count, "dataset"), ...totalsOf(peer, count) };
  });
}

function totalsOf(peer: Peer, count: Members): Omit<DatasetCount, "dataset"> {
  return { items: countOf(peer, count, "items"), bytes: countOf(peer, count, "bytes") };
}

/** The first page of a data set, and how much there is of it where the source says so beside: `"count":{"items","bytes"}`. */
export function readFirstPage(peer: Peer, text: string, dataset: string): { page: SourcePage; count: DatasetCount | null } {
  const page = readPage(peer, text, { dataset, cursor: null });
  const { count } = objectOf(peer, parse(peer, text));
  return { page, count: count === undefined ? null : { dataset, ...totalsOf(peer, objectOf(peer, count)) } };
}

/** One page of a source, each item checked; what cannot be delivered under its name becomes an omission. */
export function readPage(peer: Peer, text: string, asked: { dataset: string; cursor: string | null }): SourcePage {
  const page = objectOf(peer, parse(peer, text));
  if (page["dataset"] !== asked.dataset) throw brokenProtocol(peer, "answers with another data set than the one asked for");
  const entries = listOf(peer, page, "items").map((entry) => objectOf(peer, entry));
  if (entries.length > MAX_PAGE) throw brokenProtocol(peer, `answers with more than ${MAX_PAGE} items at once`);
  refuseTwins(peer, entries);
  const safe = entries.filter((entry) => flawOfItemKey(textOf(peer, entry, "key")) === null);
  const unsafe = entries.filter((entry) => !safe.includes(entry));
  return {
    items: safe.map((entry) => itemOf(peer, asked.dataset, entry)),
    omissions: unsafe.map((entry) => ({ dataset: asked.dataset, key: printableKey(textOf(peer, entry, "key")), reason: "unsafe_name" })),
    next: nextOf(peer, page, asked.cursor),
    position: positionOf(peer, page),
  };
}

/** One page of what is new, changed or gone. A name that no item can have is of none that was ever brought. */
export function readChanges(peer: Peer, text: string, asked: { dataset: string; cursor: string | null }): ChangesPage {
  const page = readPage(peer, text, asked);
  const members = objectOf(peer, parse(peer, text));
  const gone = Object.hasOwn(members, "gone") ? listOf(peer, members, "gone") : [];
  if (gone.length > MAX_PAGE) throw brokenProtocol(peer, `answers with more than ${MAX_PAGE} items at once`);
  if (!gone.every((key) => typeof key === "string")) throw brokenProtocol(peer, "names what is gone by something else than its key");
  const keys = gone;
  const both = new Set([...page.items.map(({ key }) => key), ...keys]);
  if (both.size < page.items.length + keys.length) throw brokenProtocol(peer, "says two things of one key on one page");
  return { ...page, gone: keys.filter((key) => flawOfItemKey(key) === null) };
}

/** Null where the source names none. */
function positionOf(peer: Peer, page: Members): string | null {
  const position = page["position"] ?? null;
  if (position === null) return null;
  if (typeof position !== "string" || position === "" || position.length > MAX_CURSOR)
    throw brokenProtocol(peer, "names no usable position of its list");
  return position;
}

function refuseTwins(peer: Peer, entries: Members[]): void {
  const keys = new Set(entries.map((entry) => entry["key"]));
  if (keys.size < entries.length) throw brokenProtocol(peer, "lists two items under one key");
}

function itemOf(peer: Peer, dataset: string, entry: Members): SourceItem {
  const mediaType = entry["media_type"];
  if (!isMediaType(mediaType)) throw brokenProtocol(peer, "lists an item without a media type");
  const digest = readContentDigest(textOf(peer, entry, "digest"));
  const bytes = countOf(peer, entry, "bytes");
  if (digest === null || bytes === null) throw brokenProtocol(peer, "lists an item without its length or its SHA-256 digest");
  const content = Object.hasOwn(entry, "content") ? contentOf(peer, entry["content"], { bytes, digest }) : null;
  return { dataset, key: textOf(peer, entry, "key"), mediaType, bytes, sha256: digest, content };
}

/** The canonical form of inline content (RFC 8785), which must be the bytes that were announced. */
function contentOf(peer: Peer, value: unknown, announced: { bytes: number; digest: string }): Uint8Array {
  const content = new TextEncoder().encode(canonicalOf(peer, value));
  if (content.length !== announced.bytes || sha256(content) !== announced.digest) {
    throw new RelaisError(
      "digest_mismatch",
      "The content of an item is not what its digest says. The source must canonicalise it (RFC 8785) before hashing.",
      {
        actor: actorOf(peer),
      },
    );
  }
  return content;
}

function canonicalOf(peer: Peer, value: unknown): string {
  try {
    return canonicalJson(value);
  } catch (cause) {
    throw new RelaisError(
      "peer_protocol",
      "The other side sends JSON that is nested too deeply, or is not Unicode. It must correct the item.",
      { actor: actorOf(peer), cause },
    );
  }
}

function nextOf(peer: Peer, page: Members, cursor: string | null): string | null {
  const next = page["next"];
  if (next === null) return null;
  if (typeof next !== "string" || next === "" || next.length > MAX_CURSOR)
    throw brokenProtocol(peer, "gives no usable cursor for its next page");
  if (next === cursor) throw brokenProtocol(peer, "gives the same page as its own next page");
  return next;
}

/** One page of what a destination holds: `itemName` to base64url digest. */
export interface Held {
  state: string;
  items: [name: string, sha256: string][];
  next: string | null;
}

export function readHeld(peer: Peer, text: string, asked: { transfer: string; cursor: string | null }): Held {
  const page = objectOf(peer, parse(peer, text));
  if (page["transfer"] !== asked.transfer) throw brokenProtocol(peer, "answers with another transfer than the one asked for");
  const items = listOf(peer, page, "items").map((entry): [string, string] => {
    const item = objectOf(peer, entry);
    const digest = readContentDigest(textOf(peer, item, "digest"));
    if (digest === null) throw brokenProtocol(peer, "holds an item without a SHA-256 digest");
    return [itemName({ dataset: textOf(peer, item, "dataset"), key: textOf(peer, item, "key") }), digest];
  });
  return { state: textOf(peer, page, "state"), items, next: nextOf(peer, page, asked.cursor) };
}

function parse(peer: Peer, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw brokenProtocol(peer, "answers with text that is not JSON");
  }
}

function objectOf(peer: Peer, value: unknown): Members {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Members;
  throw brokenProtocol(peer, "answers with another form than the protocol's");
}

function listOf(peer: Peer, object: Members, name: string): unknown[] {
  const value = object[name];
  if (Array.isArray(value)) return value;
  throw brokenProtocol(peer, `answers without the list \`${name}\``);
}

function textOf(peer: Peer, object: Members, name: string): string {
  const value = object[name];
  if (typeof value === "string") return value;
  throw brokenProtocol(peer, `answers without the text \`${name}\``);
}

/** A count, or null where the peer cannot tell. */
function countOf(peer: Peer, object: Members, name: string): number | null {
  const value = object[name] ?? null;
  if (value === null || (typeof value === "number" && Number.isSafeInteger(value) && value >= 0)) return value;
  throw brokenProtocol(peer, `answers with a \`${name}\` that is not a count`);
}
