import { LogFault } from "./fault.ts";

/** Tiles and entry bundles as files (C2SP tlog-tiles). */

/** Hashes in a full tile, and entries in a full bundle. */
export const TILE_WIDTH = 256;
/** Binary levels of the tree that one level of tiles spans. */
export const TILE_HEIGHT = 8;
/** A length of 16 bits stands before each entry of a bundle. */
export const MAX_ENTRY_BYTES = 65_535;

export interface Tile {
  /** 0 holds the hashes of entries; above, each hash stands for a full tile below. `entries` are the entries themselves. */
  level: number | "entries";
  index: number;
  /** 1 to 256; below 256 the tile is partial. */
  width: number;
}

const ADDRESS = /^(entries|0|[1-9]\d?)\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;
const MAX_LEVEL = 63;

/** `0/x001/x234/067.p/8`: level, index in groups of three digits, and the width where the tile is partial. */
export function tilePath({ level, index, width }: Tile): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/\d{3}/g) ?? [];
  const path = groups.map((group, place) => (place < groups.length - 1 ? `x${group}` : group)).join("/");
  return `${level}/${path}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

/** Null for anything but the one spelling of a tile's address. */
export function parseTilePath(path: string): Tile | null {
  const [, level = "", groups = "", partial] = ADDRESS.exec(path) ?? [];
  const tile: Tile = {
    level: level === "entries" ? level : Number(level),
    index: Number(groups.replaceAll(/[x/]/g, "")),
    width: partial === undefined ? TILE_WIDTH : Number(partial),
  };
  const isInside = Number.isSafeInteger(tile.index) && (level === "entries" || Number(level) <= MAX_LEVEL);
  return isInside && tilePath(tile) === path ? tile : null;
}

/** The tiles of one level that a tree of `count` hashes at this level has: full ones, then at most one partial. */
export function tilesOf(level: Tile["level"], count: number): Tile[] {
  return Array.from({ length: Math.ceil(count / TILE_WIDTH) }, (_, index) => ({
    level,
    index,
    width: Math.min(TILE_WIDTH, count - index * TILE_WIDTH),
  }));
}

export function encodeBundle(entries: Uint8Array[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(entry.length);
      return [length, entry];
    }),
  );
}

/** @throws LogFault `malformed` where the lengths do not lead to the end. */
export function decodeBundle(bundle: Buffer): Buffer[] {
  const entries: Buffer[] = [];
  for (let at = 0; at < bundle.length;) {
    const start = at + 2;
    const end = start <= bundle.length ? start + bundle.readUInt16BE(at) : Number.POSITIVE_INFINITY;
    if (end > bundle.length) throw new LogFault("malformed", "An entry bundle ends in the middle of an entry.");
    entries.push(bundle.subarray(start, end));
    at = end;
  }
  return entries;
}
