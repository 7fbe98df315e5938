import { setTimeout as sleep } from "node:timers/promises";
import { compactVerify, decodeProtectedHeader, importJWK, type JWK } from "jose";
import { RelaisError } from "../../core/errors.ts";

const DEADLINE_MILLISECONDS = 10_000;
/** Keys are read again after this time. */
const KEYS_KEPT_MILLISECONDS = 60_000;
/** They are read this often at most: whoever brings a key that is not known waits so long, since it may be a new one. */
const KEYS_PAUSE_MILLISECONDS = 2000;

/** Relais as its peers see it: its published keys, and what it signed with them. */
export interface Relais {
  issuer: string;
  /** @throws RelaisError `unauthenticated` for an unknown key, `peer_unavailable`. */
  key(kid: string): Promise<JWK>;
  /** Payload of a document signed by Relais with this `typ`. @throws RelaisError `invalid`. */
  verifyDocument(jws: string, type: string): Promise<Record<string, unknown>>;
}

export function relaisAt(issuer: string): Relais {
  const key = publishedKeys(issuer);
  return { issuer, key, verifyDocument: (jws, type) => verify(key, jws, type) };
}

function publishedKeys(issuer: string): Relais["key"] {
  let keys = new Map<string, JWK>();
  let readAt = 0;
  let reading: Promise<void> | null = null;
  const read = async (): Promise<void> => {
    const answer = await reach(`${issuer}/.well-known/jwks.json`);
    const { keys: list } = (await answer.json()) as { keys: JWK[] };
    keys = new Map(list.filter((jwk) => jwk.use !== "enc").map((jwk) => [String(jwk.kid), jwk]));
    readAt = Date.now();
  };
  const readOnce = (): Promise<void> => (reading ??= read().finally(() => (reading = null)));
  return async (kid) => {
    if (Date.now() - readAt > KEYS_KEPT_MILLISECONDS) await readOnce();
    if (!keys.has(kid)) await sleep(Math.max(0, readAt + KEYS_PAUSE_MILLISECONDS - Date.now()));
    if (!keys.has(kid)) await readOnce();
    const jwk = keys.get(kid);
    if (jwk === undefined)
      throw new RelaisError("unauthenticated", "The signature is by a key that Relais does not publish. Relais must publish it first.");
    return jwk;
  };
}

async function verify(key: Relais["key"], jws: string, type: string): Promise<Record<string, unknown>> {
  try {
    const jwk = await key(String(decodeProtectedHeader(jws).kid));
    const { payload, protectedHeader } = await compactVerify(jws, await importJWK(jwk, "ES256"), { algorithms: ["ES256"] });
    if (protectedHeader.typ !== type) throw new RelaisError("invalid", `The document is not of type ${type}.`);
    return JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>;
  } catch (cause) {
    if (cause instanceof RelaisError && cause.code !== "unauthenticated") throw cause;
    throw new RelaisError("invalid", `This is no ${type} signed by Relais. The sender must sign it with a published key.`, { cause });
  }
}

async function reach(url: string): Promise<Response> {
  const answer = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(DEADLINE_MILLISECONDS) }).catch((cause: unknown) =>
    unreachable(cause),
  );
  if (answer.ok) return answer;
  const said = await answer.text();
  return unreachable(new Error(`status ${answer.status}: ${said.slice(0, 200)}`));
}

function unreachable(cause: unknown): never {
  throw new RelaisError("peer_unavailable", "Relais does not answer well, so that this request cannot be checked. Try again in a moment.", {
    cause,
    actor: "operator",
    retryAfter: 1,
  });
}
