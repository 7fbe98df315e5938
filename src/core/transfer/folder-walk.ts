import { RelaisError } from "../errors.ts";
import { LAYOUT_ROOT, placeOf } from "./folder-layout.ts";
import { eachOf } from "./read-back.ts";
import type { FoundFile } from "./shelf.ts";

/** One line of a folder's listing. */
export interface FolderEntry {
  name: string;
  url: string;
  isFolder: boolean;
  bytes: number | null;
  mediaType: string | null;
}

/** Folders in folders that a person makes by hand; a link that leads back to its own folder ends here too. */
const OWN_DEPTH = 20;
/** `relais/{source}/{dataset}/` and as many parts as a key of 200 bytes can have. */
const LAYOUT_DEPTH = 103;
/** Folders listed at once: proving an account waits for the whole walk. */
const AT_ONCE = 6;
const MOST_FOLDERS = 20_000;
const MOST_FILES = 200_000;

/**
 * Every file below a folder. A folder that is too deep is returned as one file whose key ends with `/`, which no key may:
 * so it is told to the person as an omission.
 * @throws RelaisError `too_large` where there is no end to it.
 */
export async function walkFolders(start: string, list: (url: string) => Promise<FolderEntry[]>): Promise<FoundFile[]> {
  const walk: Walk = { found: [], seen: new Set([start]), next: [] };
  for (let level: Place[] = [{ url: start, segments: [] }]; level.length > 0; level = walk.next.splice(0)) {
    await eachOf(level, AT_ONCE, async (folder) => {
      for (const entry of await list(folder.url).catch(unlessGone(folder))) step(walk, [...folder.segments, entry.name], entry);
    });
  }
  return walk.found;
}

/** A folder that was removed after its parent was listed holds nothing. The start itself must be there. */
function unlessGone({ segments }: Place): (error: unknown) => FolderEntry[] {
  return (error) => {
    if (segments.length > 0 && error instanceof RelaisError && error.code === "not_found") return [];
    throw error;
  };
}

interface Place {
  url: string;
  segments: string[];
}

interface Walk {
  found: FoundFile[];
  seen: Set<string>;
  /** Folders of the next level. */
  next: Place[];
}

function step(walk: Walk, segments: string[], entry: FolderEntry): void {
  if (walk.seen.has(entry.url)) return;
  walk.seen.add(entry.url);
  if (entry.isFolder && segments.length <= depthOf(segments)) walk.next.push({ url: entry.url, segments });
  else addFile(walk.found, segments, entry);
  if (walk.found.length > MOST_FILES || walk.seen.size - walk.found.length > MOST_FOLDERS) throw endless();
}

function depthOf(segments: readonly string[]): number {
  return segments[0] === LAYOUT_ROOT ? LAYOUT_DEPTH : OWN_DEPTH;
}

function addFile(found: FoundFile[], segments: string[], { isFolder, url, bytes, mediaType }: FolderEntry): void {
  const place = placeOf(isFolder ? [...segments, ""] : segments);
  if (place !== null) found.push({ ...place, url, bytes, mediaType });
}

function endless(): RelaisError {
  return new RelaisError(
    "too_large",
    "This folder holds more files than Relais can copy at once. The person should choose a smaller folder.",
    { actor: "person" },
  );
}
