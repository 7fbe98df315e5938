import type { Bytes } from "../../core/transfer/adapter.ts";
import type { Library, ListedItem } from "../export/library.ts";
import type { AcceptedValue, Proposals } from "./proposals.ts";

/** The holder's own values, with those that it took over from people in their place. Keys and their order stay. */
export function withAccepted(proposals: Proposals, library: Library): Library {
  return {
    ...library,
    counts: async (account) => {
      const counts = await library.counts(account);
      return Promise.all(
        counts.map(async (count) => ({
          ...count,
          bytes: (count.bytes ?? 0) + (await differenceOf(proposals, library, account, count.dataset)),
        })),
      );
    },
    page: async (asked) => {
      const page = await library.page(asked);
      return (
        page && { ...page, items: page.items.map((item) => replaced(item, proposals.accepted(asked.account, asked.dataset, item.key))) }
      );
    },
    read: async (account, dataset, key) => {
      const value = proposals.accepted(account, dataset, key);
      if (value === null) return library.read(account, dataset, key);
      const content = Buffer.from(value.content);
      return { mediaType: "application/json", bytes: content.length, sha256: value.sha256, body: once(content) };
    },
  };
}

function replaced(item: ListedItem, value: AcceptedValue | null): ListedItem {
  if (value === null) return item;
  const { content, sha256, modified } = value;
  return { ...item, bytes: Buffer.byteLength(content), sha256, modified, content: JSON.parse(content) as unknown };
}

async function differenceOf(proposals: Proposals, library: Library, account: string, dataset: string): Promise<number> {
  let difference = 0;
  for (const key of proposals.acceptedKeys(account, dataset)) {
    const [old, now] = [await library.read(account, dataset, key), proposals.accepted(account, dataset, key)];
    if (old && now) difference += Buffer.byteLength(now.content) - old.bytes;
  }
  return difference;
}

async function* once(content: Uint8Array): Bytes {
  yield content;
}
