import type { Bytes } from "../../core/transfer/adapter.ts";
import { cursorOf } from "../export/cursor.ts";
import type { Library, ListedItem } from "../export/library.ts";
import type { AcceptedValue, Proposals } from "./proposals.ts";

/** The holder's own values, with those that it took over from people in their place. Keys and their order stay. */
export function withAccepted(proposals: Proposals, library: Library): Library {
  const now = ({ account, dataset }: { account: string; dataset: string }, item: ListedItem): ListedItem =>
    replaced(item, proposals.accepted(account, dataset, item.key));
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
    // What was taken over since is new, wherever the holder's own list stands.
    position: async (account, dataset) => {
      const own = (await library.position?.(account, dataset)) ?? null;
      return own === null ? null : cursorOf(`${new Date().toISOString()} ${own}`);
    },
    changes: async ({ position, ...asked }) => {
      const [since = "", own = ""] = Buffer.from(position, "base64url").toString().split(" ");
      const page = (await library.changes?.({ ...asked, position: own })) ?? null;
      if (page === null || Number.isNaN(Date.parse(since))) return null;
      const taken = await takenOverSince(proposals, library, { ...asked, since });
      const named = new Set(taken.map(({ key }) => key));
      const others = page.items.filter(({ key }) => !named.has(key)).map((item) => now(asked, item));
      const items = asked.cursor === null ? [...taken, ...others] : others;
      return { ...page, items, gone: page.gone.filter((key) => !named.has(key)) };
    },
    page: async (asked) => {
      const page = await library.page(asked);
      return page && { ...page, items: page.items.map((item) => now(asked, item)) };
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

/** The same moment counts as since: what is listed twice is found to be the same. */
async function takenOverSince(
  proposals: Proposals,
  library: Library,
  { account, dataset, since }: { account: string; dataset: string; since: string },
): Promise<ListedItem[]> {
  const taken: ListedItem[] = [];
  for (const key of proposals.acceptedKeys(account, dataset)) {
    const value = proposals.accepted(account, dataset, key);
    const old = value !== null && value.modified >= since ? await library.read(account, dataset, key) : null;
    if (value !== null && old !== null) taken.push(replaced({ key, ...old, modified: value.modified }, value));
  }
  return taken;
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
