import { readFile } from "node:fs/promises";
import { canonicalJson } from "../../core/canonical-json.ts";
import { sha256 } from "../../core/transfer/manifest.ts";
import type { ListedItem } from "../export/library.ts";

const LONGEST_BYTES = 4096;

/**
 * The `content` of a small JSON item for its place in a page, so that many small items cost one request. Empty where the canonical
 * form (RFC 8785) of the value would not be the stored bytes: such an item is read at its own address.
 */
export async function inlineContent(
  file: string,
  item: Pick<ListedItem, "mediaType" | "bytes" | "sha256">,
): Promise<{ content?: unknown }> {
  if (item.mediaType !== "application/json" || item.bytes > LONGEST_BYTES) return {};
  try {
    const stored = await readFile(file);
    const content: unknown = JSON.parse(stored.toString());
    return sha256(stored) === item.sha256 && stored.equals(Buffer.from(canonicalJson(content))) ? { content } : {};
  } catch {
    return {};
  }
}
