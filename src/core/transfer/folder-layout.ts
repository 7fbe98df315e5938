import { isDataSetId } from "../catalogue/data-set.ts";
import { sha256 } from "./manifest.ts";

/**
 * Where items lie on a platform that stores plain files, as Relais writes and reads them:
 *
 *     relais/{source}/{dataset}/{key}        an item; a key's parts are folders
 *     relais/{source}/_types/{dataset}.json  media types by key, for servers that forget them
 *     relais/_incoming/{transfer}/…          items on their way (WebDAV)
 *
 * Neither a source nor a data set id can begin with `_`.
 */
export const LAYOUT_ROOT = "relais";
export const INCOMING = "_incoming";

/** The folder of a source, from its entity identifier: readable, and never the folder of another source. */
export function sourceSlug(entityId: string): string {
  const readable = entityId
    .replace(/^https?:\/\//, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return `${readable.slice(0, 60)}-${sha256(entityId)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "")
    .slice(0, 6)}`;
}

export function isSourceSlug(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]*$/.test(name);
}

export function itemSegments(slug: string, dataset: string, key: string): string[] {
  return [LAYOUT_ROOT, slug, dataset, ...key.split("/")];
}

export function typesSegments(slug: string, dataset: string): string[] {
  return [LAYOUT_ROOT, slug, "_types", `${dataset}.json`];
}

/** Segments as the path of a URL: each percent-encoded, so that no name reaches outside its folder. */
export function encodedPath(segments: readonly string[]): string {
  return segments.map(encodeURIComponent).join("/");
}

/** What a file's place says of it; null for what Relais keeps for itself. */
export function placeOf(segments: readonly string[]): { slug: string; dataset: string; key: string } | null {
  const [root, slug = "", dataset = "", ...key] = segments;
  if (root !== LAYOUT_ROOT) return ownFile(segments);
  if (slug === INCOMING || dataset === "_types") return null;
  return isSourceSlug(slug) && isDataSetId(dataset) && key.length > 0 ? { slug, dataset, key: key.join("/") } : ownFile(segments);
}

/** The data set of what a person keeps at a platform of files without Relais. */
export const OWN_FILES = "files";

function ownFile(segments: readonly string[]): { slug: string; dataset: string; key: string } {
  return { slug: "", dataset: OWN_FILES, key: segments.join("/") };
}

/** Media types by key, as `typesSegments` holds them; a file that is not of this form counts as empty. */
export function readTypes(text: string): Map<string, string> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return new Map();
    return new Map(Object.entries(value).filter((entry): entry is [string, string] => isMediaType(entry[1])));
  } catch {
    return new Map();
  }
}

export function writeTypes(types: ReadonlyMap<string, string>): string {
  return JSON.stringify(Object.fromEntries([...types].sort(([a], [b]) => (a < b ? -1 : 1))), null, 1);
}

/** A media type that may stand in a header (RFC 9110 §8.3.1). */
export function isMediaType(value: unknown): value is string {
  return (
    typeof value === "string" &&
    value.length <= 200 &&
    /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+( *; *[\w!#$&^.+-]+=("[^"\\\u0000-\u001f\u007f-\uffff]*"|[\w!#$&^.+-]+))*$/.test(value)
  );
}
