import { inflateSync } from "node:zlib";
import type { JWTVerifyGetKey } from "jose";
import { readStatus } from "../../core/federation/status-list.ts";
import { ConsentError } from "../consent-error.ts";
import type { WebFetch } from "../federation-site.ts";
import { DEADLINE_MILLISECONDS, signedByRelais } from "./relais-keys.ts";

const JWT = "application/statuslist+jwt";
/** A list of a million places of two bits, before it is compressed: an answer that inflates to more is refused (Token Status List §11). */
const MOST_BYTES = 256 * 1024;
const MOST_CHARACTERS = 1_000_000;
const MOST_LISTS = 64;
/** Where a list does not say how long it may be kept, and at most. */
const LONGEST_SECONDS = 60;

export interface StatusLists {
  /** The value at this place; a list is read again once its `ttl` is over. @throws ConsentError */
  read(place: { idx: number; uri: string }): Promise<number>;
}

interface List {
  bytes: Uint8Array;
  /** Milliseconds. */
  until: number;
}

interface Settings {
  issuer: string;
  keys: JWTVerifyGetKey;
  fetcher: WebFetch;
}

/** Status lists of Relais (Token Status List, draft 20 §8). One that is too old is no answer: where it cannot be read again, nothing passes. */
export function statusLists(settings: Settings): StatusLists {
  const kept = new Map<string, List>();
  const reading = new Map<string, Promise<List>>();
  const read = async (uri: string): Promise<List> => {
    const list = await readList(settings, uri);
    if (kept.size >= MOST_LISTS) kept.clear();
    kept.set(uri, list);
    return list;
  };
  const listAt = (uri: string): Promise<List> => {
    const once = reading.get(uri) ?? read(uri).finally(() => reading.delete(uri));
    reading.set(uri, once);
    return once;
  };
  return {
    read: async ({ idx, uri }) => {
      const known = kept.get(uri);
      const { bytes } = known && known.until > Date.now() ? known : await listAt(uri);
      const value = readStatus(bytes, idx);
      if (value === null) throw new ConsentError("token_invalid", { says: "The place of the token is outside of its status list." });
      return value;
    },
  };
}

async function readList({ issuer, keys, fetcher }: Settings, uri: string): Promise<List> {
  const askedAt = Date.now();
  const claims = await signedByRelais(await fetchList(fetcher, uri), keys, { issuer, typ: JWT, broken: "relais_protocol" });
  const { sub, exp, ttl, status_list: list } = claims;
  const { bits, lst } = (list ?? {}) as { bits?: unknown; lst?: unknown };
  if (sub !== uri || bits !== 2 || typeof lst !== "string") throw new ConsentError("relais_protocol");
  const seconds = Math.min(typeof ttl === "number" && ttl > 0 ? ttl : LONGEST_SECONDS, LONGEST_SECONDS);
  // Its age counts from when it was asked for: what changed on its way is seen in time.
  return { bytes: inflated(lst), until: Math.min(askedAt + seconds * 1000, exp === undefined ? Infinity : exp * 1000) };
}

async function fetchList(fetcher: WebFetch, uri: string): Promise<string> {
  try {
    const signal = AbortSignal.timeout(DEADLINE_MILLISECONDS);
    const answer = await fetcher(uri, { headers: { accept: JWT }, redirect: "error", signal });
    const text = await answer.text();
    if (answer.ok && text.length <= MOST_CHARACTERS) return text;
    throw new Error(`The status list answers with status ${answer.status} and ${text.length} characters.`);
  } catch (cause) {
    throw new ConsentError("relais_unavailable", { cause });
  }
}

function inflated(lst: string): Uint8Array {
  try {
    return inflateSync(Buffer.from(lst, "base64url"), { maxOutputLength: MOST_BYTES });
  } catch (cause) {
    throw new ConsentError("relais_protocol", { cause });
  }
}
