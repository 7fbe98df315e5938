import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
  type JWTPayload,
} from "jose";
import { ALGORITHMS, ConsentError, type ConsentErrorReason } from "../consent-error.ts";
import { readAnchor, type WebFetch } from "../federation-site.ts";

/** A key that Relais takes back is believed for no longer than this. */
const KEPT_MILLISECONDS = 60_000;
/** After an unknown key id the set is read again, at most this often. */
const PAUSE_MILLISECONDS = 2000;
export const DEADLINE_MILLISECONDS = 10_000;

/** The keys that Relais publishes, read when they are needed. */
export function relaisKeys(issuer: string, fetcher: WebFetch): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), {
    cacheMaxAge: KEPT_MILLISECONDS,
    cooldownDuration: PAUSE_MILLISECONDS,
    timeoutDuration: DEADLINE_MILLISECONDS,
    [customFetch]: fetcher,
  });
}

/** The keys of what Relais says in the federation, status lists among them (OpenID Federation 1.0 §3.1): those of its entity configuration. */
export function federationKeys(issuer: string, fetcher: WebFetch): JWTVerifyGetKey {
  let known: { set: Promise<JWTVerifyGetKey>; readAt: number } | null = null;
  const readSet = async (): Promise<JWTVerifyGetKey> => {
    const { keys } = await readAnchor(fetcher, { entityId: issuer }, new Date());
    return createLocalJWKSet({ keys });
  };
  const read = (): Promise<JWTVerifyGetKey> => {
    const set = readSet();
    known = { set, readAt: Date.now() };
    set.catch(() => (known = null));
    return set;
  };
  return async (header, token) => {
    const age = known === null ? Infinity : Date.now() - known.readAt;
    const set = await (known === null || age > KEPT_MILLISECONDS ? read() : known.set);
    return Promise.resolve(set(header, token)).catch(async (error: unknown) => {
      if (age < PAUSE_MILLISECONDS) throw error;
      return (await read())(header, token);
    });
  };
}

/** Claims of a JWT that Relais signed. @throws ConsentError `relais_unavailable` where its keys cannot be read, and `broken` for everything else. */
export async function signedByRelais(
  jwt: string,
  keys: JWTVerifyGetKey,
  options: JWTVerifyOptions & { broken: ConsentErrorReason },
): Promise<JWTPayload> {
  const { broken, ...expected } = options;
  try {
    return (await jwtVerify(jwt, keys, { algorithms: ALGORITHMS, ...expected })).payload;
  } catch (cause) {
    throw new ConsentError(isUnreachable(cause) ? "relais_unavailable" : broken, { cause });
  }
}

/** What jose says when a key set does not come: the connection failed, took too long, or the answer was none. */
function isUnreachable(error: unknown): boolean {
  return !(error instanceof errors.JOSEError) || ["ERR_JWKS_TIMEOUT", "ERR_JOSE_GENERIC", "ERR_JWKS_INVALID"].includes(error.code);
}
