import { LogFault } from "../core/ledger/fault.ts";
import { decodeBundle, tilePath, TILE_WIDTH, MAX_ENTRY_BYTES, type Tile } from "../core/ledger/tiles.ts";
import { HASH_BYTES } from "../core/ledger/tree.ts";
import { UsageError } from "./usage-error.ts";

const TIMEOUT_MILLISECONDS = 30_000;
const MAX_TEXT_BYTES = 1_000_000;
const MAX_TILE_BYTES = TILE_WIDTH * (2 + MAX_ENTRY_BYTES);

/** A log as it is served at an address. Nothing of what it answers is believed here. */
export interface LogSite {
  /** Ends in `/log`. */
  address: string;
  key(): Promise<string>;
  checkpoint(): Promise<string>;
  /** @throws LogFault `truncated` where the log does not serve it whole, `malformed`. */
  hashes(tile: Tile): Promise<Buffer[]>;
  entries(tile: Tile): Promise<Buffer[]>;
  /** Null where the log has no such entry. */
  proof(index: number): Promise<string | null>;
}

/** The log cannot be asked: this says nothing about what it holds. */
export class LogUnreachable extends Error {
  override readonly name = "LogUnreachable";
}

/** `place` is the address of an installation, of its log, or of anything in it. @throws UsageError */
export function logAt(place: string): LogSite {
  const address = addressOf(place);
  const file = (path: string, limit: number) => get(`${address}/${path}`, limit);
  const text = async (path: string) => utf8(await present(file(path, MAX_TEXT_BYTES), `${address}/${path}`));
  const tile = async (asked: Tile) => whole(asked, await file(`tile/${tilePath(asked)}`, MAX_TILE_BYTES));
  return {
    address,
    key: async () => (await text("key")).trim(),
    checkpoint: () => text("checkpoint"),
    hashes: async (asked) => split(asked, await tile(asked)),
    entries: async (asked) => counted(asked, decodeBundle(await tile(asked))),
    proof: async (index) => {
      const body = await file(`proof/${index}`, MAX_TEXT_BYTES);
      return body === null ? null : utf8(body);
    },
  };
}

function addressOf(place: string): string {
  const url = URL.canParse(place) ? new URL(place) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new UsageError(`${place} is no address. Give one such as https://relais.example`);
  const base = `${url.origin}${url.pathname}`.replace(/\/+$/, "");
  const [, within] = /^(.*\/log)(?:\/(?:key|checkpoint|tile|entry|proof)(?:\/.*)?)?$/.exec(base) ?? [];
  return within ?? `${base}/log`;
}

/** Null where there is nothing. @throws LogUnreachable */
async function get(url: string, limit: number): Promise<Buffer | null> {
  try {
    const response = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS) });
    if (response.status === 404) return null;
    if (!response.ok || response.body === null) throw new LogUnreachable(`${url} answers ${response.status}.`);
    return await bounded(response.body, limit, url);
  } catch (cause) {
    if (cause instanceof LogUnreachable) throw cause;
    throw new LogUnreachable(`${url} does not answer. Check the address and the network, then try again.`, { cause });
  }
}

async function bounded(body: AsyncIterable<Uint8Array>, limit: number, url: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > limit) throw new LogUnreachable(`${url} answers more than ${limit} bytes, which no log does.`);
  }
  return Buffer.concat(chunks);
}

async function present(answer: Promise<Buffer | null>, url: string): Promise<Buffer> {
  const body = await answer;
  if (body === null) throw new LogUnreachable(`There is nothing at ${url}. Is this the address of a Relais?`);
  return body;
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new LogFault("malformed", "The log answers something that is not text.");
  }
}

function whole(tile: Tile, bytes: Buffer | null): Buffer {
  if (bytes === null) throw missing(tile);
  return bytes;
}

function split(tile: Tile, bytes: Buffer): Buffer[] {
  if (bytes.length % HASH_BYTES !== 0) throw new LogFault("malformed", `The tile ${tilePath(tile)} is not made of hashes.`);
  const hashes = Array.from({ length: bytes.length / HASH_BYTES }, (_, place) =>
    bytes.subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES),
  );
  return counted(tile, hashes);
}

function counted(tile: Tile, parts: Buffer[]): Buffer[] {
  if (parts.length < tile.width) throw missing(tile);
  if (parts.length > tile.width) throw new LogFault("malformed", `The tile ${tilePath(tile)} holds more than it should.`);
  return parts;
}

function missing(tile: Tile): LogFault {
  const what = tile.level === "entries" ? `entries from ${tile.index * TILE_WIDTH} on` : `the hashes in ${tilePath(tile)}`;
  return new LogFault("truncated", `The log was cut short: its checkpoint signs more than is served. It does not give out ${what}.`);
}
