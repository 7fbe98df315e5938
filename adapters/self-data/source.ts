import { RelaisError } from "../../src/core/errors.ts";
import type { Bytes, DatasetCount, Opening, OutboundResponse, Source, SourceItem, SourcePage } from "../../src/core/transfer/adapter.ts";
import { readChanges, readFirstPage, readInventory, readPage } from "./answers.ts";
import { isUnknownPosition, refusalOf } from "./failures.ts";

const PAGE_ITEMS = 500;
/** Inline content makes pages heavy; an item that needs more has its own address. */
const PAGE_BYTES = 16 * 1024 * 1024;

/** More than these are counted by one question of their own. */
const DATASETS_AHEAD = 4;
/** A first page of more than this is not kept until it is listed. */
const AHEAD_BYTES = 1024 * 1024;

/** Source side: every request carries the person's consent token and a DPoP proof (RFC 9449). */
export function openSource(opening: Opening): Source {
  const root = exportOf(opening);
  const ask = asker(opening);
  const get = async (path: string): Promise<OutboundResponse> => expect(opening, await ask("GET", root + path), 200);
  const ahead = new Map<string, SourcePage>();
  /** One question for count and list, where the source counts on its pages. Null where it does not, or has no such data set. */
  const countByPages = async (datasets: readonly string[]): Promise<DatasetCount[] | null> => {
    const counts: DatasetCount[] = [];
    for (const dataset of datasets) {
      const answer = await ask("GET", root + pageAddress(dataset, null));
      if (answer.status === 404) return answer.drop().then(() => null);
      const text = await (await expect(opening, answer, 200)).text();
      const { page, count } = readFirstPage(opening, text, dataset);
      if (text.length <= AHEAD_BYTES) ahead.set(dataset, page);
      if (count === null) return null;
      counts.push(count);
    }
    return counts;
  };
  return {
    inventory: async (datasets = []) => {
      const isFew = datasets.length > 0 && datasets.length <= DATASETS_AHEAD;
      const counts = isFew ? await countByPages(datasets) : null;
      return counts ?? readInventory(opening, await (await get("/datasets")).text());
    },
    list: async (dataset, cursor) => {
      const page = cursor === null ? ahead.get(dataset) : undefined;
      ahead.delete(dataset);
      if (page !== undefined) return page;
      const answer = await get(pageAddress(dataset, cursor));
      return readPage(opening, await answer.text(), { dataset, cursor });
    },
    changes: async (dataset, from, cursor) => {
      const answer = await ask("GET", root + pageAddress(dataset, cursor, { [from.kind]: from.value }));
      if (await isUnknownPosition(answer)) return null;
      return readChanges(opening, await (await expect(opening, answer, 200)).text(), { dataset, cursor });
    },
    read: async (item) => (item.content === null ? (await get(addressOf(item))).body : once(item.content)),
    erase: async () => {
      await (await expect(opening, await ask("DELETE", `${root}/account-data`), 204)).drop();
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function exportOf({ participant }: Opening): string {
  const root = participant.endpoints.export;
  if (root === undefined)
    throw new RelaisError("unsupported", "This participant published no export endpoint. It must add one to its entity configuration.");
  return root.replace(/\/$/, "");
}

function pageAddress(dataset: string, cursor: string | null, more: Record<string, string> = {}): string {
  const query = new URLSearchParams({ limit: String(PAGE_ITEMS), ...(cursor === null ? {} : { cursor }), ...more });
  return `/datasets/${encodeURIComponent(dataset)}?${query}`;
}

function addressOf(item: SourceItem): string {
  return `/datasets/${encodeURIComponent(item.dataset)}/items/${encodeURIComponent(item.key)}`;
}

async function* once(content: Uint8Array): Bytes {
  yield content;
}

async function expect(opening: Opening, answer: OutboundResponse, status: number): Promise<OutboundResponse> {
  if (answer.status === status) return answer;
  throw await refusalOf(opening, answer);
}

type Ask = (method: "GET" | "DELETE", url: string) => Promise<OutboundResponse>;

/**
 * Sends with a consent token. A fresh nonce is answered once (RFC 9449 §9), and an expired token is renewed once:
 * a source that asks again after that refuses.
 */
function asker(opening: Opening): Ask {
  let nonce: string | undefined;
  return async (method, url) => {
    const send = async (renew: boolean): Promise<OutboundResponse> => {
      const headers = await opening.consentHeaders({ method, url: withoutQuery(url), nonce, renew });
      const answer = await opening.fetch({ method, url, headers, limit: PAGE_BYTES });
      nonce = answer.headers["dpop-nonce"] ?? nonce;
      return answer;
    };
    let answer = await send(false);
    for (const [error, renew] of [
      ["use_dpop_nonce", false],
      ["invalid_token", true],
      ["use_dpop_nonce", false],
    ] as const) {
      if (!challenges(answer, error)) continue;
      await answer.drop();
      answer = await send(renew);
    }
    return answer;
  };
}

function challenges(answer: OutboundResponse, error: string): boolean {
  return answer.status === 401 && new RegExp(`\\berror="${error}"`).test(answer.headers["www-authenticate"] ?? "");
}

/** What a DPoP proof names: the address without query and fragment (RFC 9449 §4.2). */
function withoutQuery(url: string): string {
  return url.split(/[?#]/)[0] as string;
}
