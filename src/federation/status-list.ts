import { deflateSync } from "node:zlib";
import type { Clock, Store } from "../core/ports.ts";
import { packStatuses } from "../core/federation/status-list.ts";

export const STATUS_LIST_PATH = "/status-lists/trust-marks";
/** A holder that checks offline may be this far behind; live decisions ask the status endpoint, or introspection. */
const TTL_SECONDS = 60;
const LIFE_SECONDS = 3600;

interface Ports {
  issuer: string;
  store: Store;
  clock: Clock;
  sign: (type: string, payload: object) => Promise<string>;
}

/** The status list token of all trust marks (Token Status List, draft 20 §5.1), signed anew for each reader. */
export async function statusListToken({ issuer, store, clock, sign }: Ports): Promise<string> {
  const now = clock.now();
  const statuses = await store.read((r) => r.participants.markStatuses(now));
  const iat = Math.floor(now.getTime() / 1000);
  return sign("statuslist+jwt", {
    iss: issuer,
    sub: `${issuer}${STATUS_LIST_PATH}`,
    iat,
    exp: iat + LIFE_SECONDS,
    ttl: TTL_SECONDS,
    status_list: { bits: 2, lst: deflateSync(packStatuses(statuses), { level: 9 }).toString("base64url") },
  });
}
