import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import type { Clock, Store } from "../core/ports.ts";
import { packStatuses } from "../core/federation/status-list.ts";

export const STATUS_LIST_PATH = "/status-lists/trust-marks";
/** A holder that checks offline may be this far behind; live decisions ask the status endpoint, or introspection. */
const TTL_SECONDS = 60;
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

export type StatusLists = () => Promise<{ jwt: string; etag: string }>;

/**
 * The status list token of all trust marks (Token Status List, draft 20 §5.1). The tables are asked at each call; the token of before is given
 * again while they and our keys say the same.
 */
export function statusListTokens(ports: Ports): StatusLists {
  let last: { jwt: string; etag: string; digest: string; renewAt: number } | null = null;
  return async () => {
    const now = ports.clock.now();
    const statuses = await ports.store.read((r) => r.participants.markStatuses(now));
    const bytes = packStatuses(statuses);
    const kids = (await ports.keys()).map(({ kid }) => kid).join();
    const digest = createHash("sha256").update(bytes).update(kids).digest("base64url");
    if (last?.digest === digest && last.renewAt > now.getTime()) return last;
    const jwt = await statusListToken(ports, bytes, now);
    const etag = `"${createHash("sha256").update(jwt).digest("base64url")}"`;
    last = { jwt, etag, digest, renewAt: now.getTime() + RENEW_SECONDS * 1000 };
    return last;
  };
}

function statusListToken({ issuer, sign }: Ports, bytes: Uint8Array, now: Date): Promise<string> {
  const iat = Math.floor(now.getTime() / 1000);
  return sign("statuslist+jwt", {
    iss: issuer,
    sub: `${issuer}${STATUS_LIST_PATH}`,
    iat,
    exp: iat + LIFE_SECONDS,
    ttl: TTL_SECONDS,
    status_list: { bits: 2, lst: deflateSync(bytes, { level: 9 }).toString("base64url") },
  });
}
