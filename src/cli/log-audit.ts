import { LogFault } from "../core/ledger/fault.ts";
import { tilesOf, TILE_WIDTH, type Tile } from "../core/ledger/tiles.ts";
import { EMPTY_ROOT, Frontier, hashLeaf } from "../core/ledger/tree.ts";
import type { TreeHead } from "../core/ledger/verify-proof.ts";
import type { LogSite } from "./log-site.ts";

/** A root that was signed before: the log must still begin with it. */
export interface Milestone extends TreeHead {
  /** Where we have it from, for the message: "the checkpoint of …". */
  source: string;
}

/** Tiles that are under way at once. */
const PARALLEL = 4;

/**
 * Fetches every entry and every tile, and recomputes what was signed.
 * @throws LogFault `truncated`, `shrunk`, `forged`, `forked`, `malformed`. @throws LogUnreachable
 */
export async function auditLog(site: LogSite, head: TreeHead, milestones: Milestone[], onEntries: (count: number) => void): Promise<void> {
  for (const milestone of milestones) assertNotShrunk(head, milestone);
  const seen = await readEntries(site, head.size, milestones, onEntries);
  if (!seen.root.equals(head.root)) throw forged(seen.firstAltered);
  for (const milestone of milestones) assertContinues(seen.roots.get(milestone.size), milestone);
  if (seen.firstAltered !== null) throw wrongTile({ level: 0, index: Math.floor(seen.firstAltered / TILE_WIDTH), width: TILE_WIDTH });
  await checkUpperTiles(site, seen.tileRoots);
}

interface Seen {
  root: Buffer;
  /** The roots at the sizes that we have milestones of. */
  roots: Map<number, Buffer>;
  /** Of each full tile, in order. */
  tileRoots: Buffer[];
  /** The first entry that does not have the hash in its tile. */
  firstAltered: number | null;
}

async function readEntries(site: LogSite, size: number, milestones: Milestone[], onEntries: (count: number) => void): Promise<Seen> {
  const frontier = new Frontier();
  const seen: Seen = { root: EMPTY_ROOT, roots: new Map([[0, EMPTY_ROOT]]), tileRoots: [], firstAltered: null };
  const sizes = new Set(milestones.map((milestone) => milestone.size));
  const tiles = tilesOf("entries", size);
  for (let next = 0; next < tiles.length; next += PARALLEL) {
    const fetched = await Promise.all(tiles.slice(next, next + PARALLEL).map((tile) => fetchBoth(site, tile)));
    for (const { leafHashes, tileHashes } of fetched) {
      const tile = new Frontier();
      leafHashes.forEach((hash, place) => {
        if (!hash.equals(tileHashes[place] as Buffer)) seen.firstAltered ??= frontier.size;
        frontier.add(hash);
        tile.add(hash);
        if (sizes.has(frontier.size)) seen.roots.set(frontier.size, frontier.root());
      });
      if (tile.size === TILE_WIDTH) seen.tileRoots.push(tile.root());
      onEntries(frontier.size);
    }
  }
  seen.root = frontier.root();
  return seen;
}

async function fetchBoth(site: LogSite, bundle: Tile): Promise<{ leafHashes: Buffer[]; tileHashes: Buffer[] }> {
  const [entries, tileHashes] = await Promise.all([site.entries(bundle), site.hashes({ ...bundle, level: 0 })]);
  return { leafHashes: entries.map(hashLeaf), tileHashes };
}

/** Level by level: the hashes above are the roots of the full tiles below. */
async function checkUpperTiles(site: LogSite, tileRoots: Buffer[]): Promise<void> {
  for (let level = 1, hashes = tileRoots; hashes.length > 0; level++) {
    const above: Buffer[] = [];
    for (const tile of tilesOf(level, hashes.length)) {
      const own = hashes.slice(tile.index * TILE_WIDTH, tile.index * TILE_WIDTH + tile.width);
      const served = await site.hashes(tile);
      if (!own.every((hash, place) => hash.equals(served[place] as Buffer))) throw wrongTile(tile);
      if (tile.width === TILE_WIDTH) above.push(rootOfTile(own));
    }
    hashes = above;
  }
}

function rootOfTile(hashes: Buffer[]): Buffer {
  const frontier = new Frontier();
  for (const hash of hashes) frontier.add(hash);
  return frontier.root();
}

function assertNotShrunk({ size }: TreeHead, milestone: Milestone): void {
  if (size >= milestone.size) return;
  throw new LogFault(
    "shrunk",
    `The log shrank: it has ${size} entries, and ${milestone.source} signs ${milestone.size}. A log only grows, so entries were taken away.`,
  );
}

function assertContinues(root: Buffer | undefined, milestone: Milestone): void {
  if (root?.equals(milestone.root)) return;
  throw new LogFault(
    "forked",
    `The log was forked: its first ${milestone.size} entries are not those that ${milestone.source} signs. The operator signed two histories; keep both checkpoints, they prove it.`,
  );
}

function forged(firstAltered: number | null): LogFault {
  const place = firstAltered === null ? "" : ` The first that differs from its tile is entry ${firstAltered}.`;
  return new LogFault("forged", `The entries were forged: they are not those that the checkpoint signs.${place}`);
}

function wrongTile({ level, index }: Tile): LogFault {
  return new LogFault(
    "forged",
    `The entries are those that were signed, but tile ${index} of level ${level} holds other hashes: proofs made of it will not hold.`,
  );
}
