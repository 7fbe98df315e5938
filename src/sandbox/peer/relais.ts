import { createHash, randomUUID } from "node:crypto";
import { compactVerify, decodeProtectedHeader, importJWK, type JWK } from "jose";
import { RelaisError } from "../../core/errors.ts";
import type { OwnKey } from "./own-keys.ts";

const DEADLINE_MILLISECONDS = 10_000;
/** Keys are read again after this time, and at most this often for an unknown key id. */
const KEYS_KEPT_MILLISECONDS = 60_000;
const KEYS_PAUSE_MILLISECONDS = 2000;
/** A withdrawal must be felt within a second. */
const ANSWERS_KEPT_MILLISECONDS = 500;
const MOST_ANSWERS = 5000;

/** What Relais says of a consent token (docs/self-data-transfer.md, source side). */
export interface TokenStanding {
  active: boolean;
  aud?: string | string[];
  cnf?: { jkt?: string };
  account?: string;
  authorization_details?: { type: string; actions?: string[]; datasets?: string[] }[];
}

/** Relais as its peers see it: its published keys, and its word on tokens. */
export interface Relais {
  issuer: string;
  /** @throws RelaisError `unauthenticated` for an unknown key, `peer_unavailable`. */
  key(kid: string): Promise<JWK>;
  /** Payload of a document signed by Relais with this `typ`. @throws RelaisError `invalid`. */
  verifyDocument(jws: string, type: string): Promise<Record<string, unknown>>;
  introspect(token: string): Promise<TokenStanding>;
}

interface Settings {
  issuer: string;
  /** Our own entity identifier: who we are as a client. */
  entityId: string;
  key: OwnKey;
}

export function relaisAt(settings: Settings): Relais {
  const key = publishedKeys(settings.issuer);
  const verifyDocument: Relais["verifyDocument"] = (jws, type) => verify(key, jws, type);
  const answers = new Map<string, { until: number; standing: Promise<TokenStanding> }>();
  const introspect = (token: string): Promise<TokenStanding> => {
    const name = createHash("sha256").update(token).digest("base64url");
    const known = answers.get(name);
    if (known && known.until > Date.now()) return known.standing;
    const standing = ask(settings, verifyDocument, token);
    if (answers.size >= MOST_ANSWERS) answers.clear();
    answers.set(name, { until: Date.now() + ANSWERS_KEPT_MILLISECONDS, standing });
    standing.catch(() => answers.delete(name));
    return standing;
  };
  return { issuer: settings.issuer, key, verifyDocument, introspect };
}

function publishedKeys(issuer: string): Relais["key"] {
  let keys = new Map<string, JWK>();
  let readAt = 0;
  let reading: Promise<void> | null = null;
  const read = async (): Promise<void> => {
    const answer = await reach(`${issuer}/.well-known/jwks.json`, {});
    const { keys: list } = (await answer.json()) as { keys: JWK[] };
    keys = new Map(list.filter((jwk) => jwk.use !== "enc").map((jwk) => [String(jwk.kid), jwk]));
    readAt = Date.now();
  };
  return async (kid) => {
    const age = Date.now() - readAt;
    if (age > KEYS_KEPT_MILLISECONDS || (!keys.has(kid) && age > KEYS_PAUSE_MILLISECONDS))
      await (reading ??= read().finally(() => (reading = null)));
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

/** Signed introspection (RFC 9701) as the client of our own name (RFC 7523). */
async function ask({ issuer, entityId, key }: Settings, verifyDocument: Relais["verifyDocument"], token: string): Promise<TokenStanding> {
  const iat = Math.floor(Date.now() / 1000);
  const assertion = await key.sign("JWT", { iss: entityId, sub: entityId, aud: issuer, jti: randomUUID(), iat, exp: iat + 60 });
  const body = new URLSearchParams({
    token,
    client_id: entityId,
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: assertion,
  });
  const answer = await reach(`${issuer}/token/introspection`, {
    method: "POST",
    headers: { accept: "application/token-introspection+jwt" },
    body,
  });
  const claims = await verifyDocument(await answer.text(), "token-introspection+jwt");
  if (claims["iss"] !== issuer || claims["aud"] !== entityId)
    throw new RelaisError("peer_protocol", "Relais answers about a token in somebody else's name. The operator of Relais must look.", {
      actor: "operator",
    });
  return claims["token_introspection"] as TokenStanding;
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  const answer = await fetch(url, { ...init, redirect: "error", signal: AbortSignal.timeout(DEADLINE_MILLISECONDS) }).catch(
    (cause: unknown) => unreachable(cause),
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
