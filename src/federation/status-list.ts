import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { CONSENT_LISTS_PATH } from "../core/consent/consent-status.ts";
import type { Clock, Reader, Store } from "../core/ports.ts";
import { packStatuses } from "../core/federation/status-list.ts";

export const MARK_LIST_PATH = "/status-lists/trust-marks";
/** Whoever checks a mark offline may be this far behind; live decisions ask the status endpoint, or introspection. */
const MARK_SECONDS = 60;
/** A holder that checks tokens by itself goes on for no longer than this after a withdrawal, whatever its tokens say. */
const CONSENT_SECONDS = 15;
const LIFE_SECONDS = 3600;
/** A token that says nothing new is signed again in time for whoever keeps it for `ttl`. */
const RENEW_SECONDS = LIFE_SECONDS / 2;

interface Ports {
  issuer: string;
  store: Store;
  clock: Clock;
  keys: () => Promise<{ kid?: string }[]>;
  sign: (type: string, payload: object) => Promise<string>;
}

type Statuses = { index: number; status: number }[] | null;

/** Null where there is no such list. */
export type StatusList = () => Promise<{ jwt: string; etag: string } | null>;

/** One of those that stand at addresses of their own. */
interface ListPlace {
  path: string;
  /** For how long it may be kept. */
  ttl: number;
  /** What is not valid now; null where the list does not exist. */
  read: (r: Reader, now: Date) => Promise<Statuses>;
}

/**
 * A status list token (Token Status List, draft 20 §5.1): of all trust marks, or of a part of the consents. The tables are asked at each call; the
 * token of before is given again while they and our keys say the same. Calls that come while one is answered get its answer.
 */
function statusListTokens(ports: Ports, place: ListPlace): StatusList {
  let last: { jwt: string; etag: string; digest: string; renewAt: number } | null = null;
  return async () => {
    const now = ports.clock.now();
    const statuses = await ports.store.read((r) => place.read(r, now));
    if (statuses === null) return null;
    const bytes = packStatuses(statuses);
    const kids = (await ports.keys()).map(({ kid }) => kid).join();
    const digest = createHash("sha256").update(bytes).update(kids).digest("base64url");
    if (last?.digest === digest && last.renewAt > now.getTime()) return last;
    const jwt = await statusListToken(ports, { ...place, bytes, now });
    const etag = `"${createHash("sha256").update(jwt).digest("base64url")}"`;
    last = { jwt, etag, digest, renewAt: now.getTime() + RENEW_SECONDS * 1000 };
    return last;
  };
}

/** The list of all trust marks, and those of consents by their number. */
export function statusLists(ports: Ports): { marks: StatusList; consents: (list: number) => StatusList } {
  const parts = new Map<number, StatusList>();
  const part = (list: number): StatusList => {
    const known = parts.get(list);
    if (known) return known;
    const made = statusListTokens(ports, {
      path: `${CONSENT_LISTS_PATH}/${list}`,
      ttl: CONSENT_SECONDS,
      read: (r, now) => r.consents.statuses(list, now),
    });
    // Whoever asks for lists that are none leaves nothing here.
    return async () => {
      const answer = await made();
      if (answer !== null) parts.set(list, made);
      return answer;
    };
  };
  return {
    marks: statusListTokens(ports, { path: MARK_LIST_PATH, ttl: MARK_SECONDS, read: (r, now) => r.participants.markStatuses(now) }),
    consents: part,
  };
}

function statusListToken(
  { issuer, sign }: Ports,
  { path, ttl, bytes, now }: Omit<ListPlace, "read"> & { bytes: Uint8Array; now: Date },
): Promise<string> {
  const iat = Math.floor(now.getTime() / 1000);
  return sign("statuslist+jwt", {
    iss: issuer,
    sub: `${issuer}${path}`,
    iat,
    exp: iat + LIFE_SECONDS,
    ttl,
    status_list: { bits: 2, lst: deflateSync(bytes, { level: 9 }).toString("base64url") },
  });
}
