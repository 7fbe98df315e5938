import { createHash } from "node:crypto";
import type { Bytes } from "./adapter.ts";
import type { ManifestItem, ReceiptItem } from "./manifest.ts";

/** Items read back at once: eight connections gave 95 % of the speed of thirty-two. */
const AT_ONCE = 8;

/**
 * The observed proof of a destination that cannot sign: every item read back and hashed. An item that is not there
 * (`read` gives null) is not in the proof; one that differs is there with the digest of what is stored.
 */
export async function readBack(
  items: readonly ManifestItem[],
  read: (item: ManifestItem) => Promise<Bytes | null>,
): Promise<ReceiptItem[]> {
  const held = Array.from({ length: items.length }, (): ReceiptItem | null => null);
  await eachOf(items, AT_ONCE, async (item, index) => {
    const bytes = await read(item);
    if (bytes !== null) held[index] = { dataset: item.dataset, key: item.key, ...(await digestOf(bytes)) };
  });
  return held.filter((item) => item !== null);
}

/** Length and base64url SHA-256 of bytes that flow past. */
export async function digestOf(bytes: Bytes): Promise<{ bytes: number; "sha-256": string }> {
  const hash = createHash("sha256");
  let length = 0;
  for await (const chunk of bytes) {
    hash.update(chunk);
    length += chunk.length;
  }
  return { bytes: length, "sha-256": hash.digest("base64url") };
}

/** Works through a list, `atOnce` at a time. After a failure nothing new is started, and what runs is awaited. */
export async function eachOf<T>(list: readonly T[], atOnce: number, work: (element: T, index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const runner = async (): Promise<void> => {
    while (next < list.length) {
      const index = next++;
      try {
        await work(list[index] as T, index);
      } catch (error) {
        next = list.length;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: Math.min(atOnce, list.length) }, runner));
  const failed = ended.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
}
