import { createHash, randomUUID } from "node:crypto";
import { importJWK, type JWK, SignJWT, type JWTVerifyGetKey } from "jose";
import { ConsentError } from "../consent-error.ts";
import type { WebFetch } from "../federation-site.ts";
import type { TokenClaims } from "./consented.ts";
import { DEADLINE_MILLISECONDS, signedByRelais } from "./relais-keys.ts";

export interface IntrospectionSettings {
  issuer: string;
  entityId: string;
  key: JWK;
  keys: JWTVerifyGetKey;
  fetcher: WebFetch;
  /** How long an answer is used again. */
  keepMilliseconds: number;
}

const JWT = "application/token-introspection+jwt";
const ASSERTION_SECONDS = 60;
/** An answer of another time is none. */
const ANSWER_AGE_SECONDS = 60;
const MOST_KEPT = 5000;

export type Introspection = (token: string) => Promise<TokenClaims>;

/**
 * Asks Relais about tokens (RFC 7662) with a signed answer (RFC 9701), as the client of the holder's own name (RFC 7523). Kept answers are never
 * older than `keepMilliseconds`; failures are not kept.
 */
export function introspection(settings: IntrospectionSettings): Introspection {
  if (settings.keepMilliseconds <= 0) return (token) => ask(settings, token);
  const kept = new Map<string, { until: number; answer: Promise<TokenClaims> }>();
  return (token) => {
    const name = createHash("sha256").update(token).digest("base64url");
    const known = kept.get(name);
    if (known && known.until > Date.now()) return known.answer;
    const answer = ask(settings, token);
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(name, { until: Date.now() + settings.keepMilliseconds, answer });
    answer.catch(() => kept.delete(name));
    return answer;
  };
}

async function ask(settings: IntrospectionSettings, token: string): Promise<TokenClaims> {
  const { issuer, entityId, keys } = settings;
  const claims = await signedByRelais(await post(settings, token), keys, {
    issuer,
    audience: entityId,
    typ: JWT,
    maxTokenAge: ANSWER_AGE_SECONDS,
    clockTolerance: ANSWER_AGE_SECONDS,
    broken: "relais_protocol",
  });
  const answer = claims["token_introspection"];
  if (typeof answer !== "object" || answer === null) throw new ConsentError("relais_protocol");
  return answer;
}

async function post(settings: IntrospectionSettings, token: string): Promise<string> {
  const body = new URLSearchParams({
    token,
    token_type_hint: "access_token",
    client_id: settings.entityId,
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: await assertion(settings),
  });
  const signal = AbortSignal.timeout(DEADLINE_MILLISECONDS);
  try {
    const url = `${settings.issuer}/token/introspection`;
    const answer = await settings.fetcher(url, { method: "POST", headers: { accept: JWT }, body, redirect: "error", signal });
    const text = await answer.text();
    if (answer.ok) return text;
    throw refusalOf(answer.status, text);
  } catch (cause) {
    throw cause instanceof ConsentError ? cause : new ConsentError("relais_unavailable", { cause });
  }
}

/** RFC 6749 §5.2: 401 and `invalid_client` are about the holder's own key. */
function refusalOf(status: number, text: string): ConsentError {
  const cause = new Error(`Relais answered with status ${status}: ${text.slice(0, 200)}`);
  return new ConsentError(status === 401 || text.includes('"invalid_client"') ? "holder_refused" : "relais_unavailable", { cause });
}

async function assertion({ issuer, entityId, key }: IntrospectionSettings): Promise<string> {
  const alg = key.alg ?? "ES256";
  const iat = Math.floor(Date.now() / 1000);
  return new SignJWT({ iss: entityId, sub: entityId, aud: issuer, jti: randomUUID(), iat, exp: iat + ASSERTION_SECONDS })
    .setProtectedHeader({ alg, typ: "JWT", ...(key.kid === undefined ? {} : { kid: key.kid }) })
    .sign(await importJWK(key, alg));
}
