import { createPublicKey, verify, type KeyObject } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { parse as parseForm } from "node:querystring";
import type { AuthorizationDetail } from "oidc-provider";
import type { Clock, OauthRecords, Standings, Store } from "../core/ports.ts";
import type { Policy } from "../core/policy/policy.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { CLOCK_SECONDS, LONGEST_SECONDS, TYPES } from "./client-assertion.ts";
import { answerToSource, standingOf } from "./introspection.ts";
import type { TokenKeys } from "./jwt-token.ts";
import { consentIdIn } from "./live-consent.ts";

interface Ports {
  store: Store;
  standings: Standings;
  clock: Clock;
  policy: Policy;
  records: OauthRecords;
  issuer: string;
  keys: Pick<TokenKeys, "sign">;
  /** True once for each `jti` of a client, and only while it is not over. */
  usedOnce: (iss: string, jti: string, exp: number) => Promise<boolean>;
}

const ANSWER = "application/token-introspection+jwt";
const FORM = /^application\/x-www-form-urlencoded *(?:; *charset=utf-8)?$/i;
const ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const MEMBERS = ["token", "token_type_hint", "client_id", "client_assertion", "client_assertion_type"];
const TOKENS = ["AccessToken", "ClientCredentials", "RefreshToken"];

/**
 * The question that sources ask before they hand out anything: is the worker's token for this person's consent active, now? (RFC 7662, answered as RFC
 * 9701 says.) It is the one request whose number grows with the data that moves, so it has a way of its own, which costs half of the library's.
 *
 * Only what is right in every detail is answered here. Whatever is not (another kind of token, of client, of key or of answer, a proof that does not
 * hold or was used before) is left as it came to the library, which judges it by itself and says what is wrong. Returns whether it answered.
 */
export function sourceIntrospection(ports: Ports): (req: IncomingMessage, res: ServerResponse) => Promise<boolean> {
  const keyOf = publicKeys();
  return async (req, res) => {
    const body = await wholeBody(req);
    const form = body === null ? null : formIn(body);
    const assertion = form && assertionIn(form, ports.issuer);
    if (!form || !assertion) return false;
    const source = await ports.standings.findParticipant(assertion.iss);
    const key = source === null || source.client?.mutualTls ? null : keyOf(source.keys, assertion.kid);
    if (key === null || !verify("sha256", assertion.input, { key, dsaEncoding: "ieee-p1363" }, assertion.signature)) return false;
    const token = workerTokenIn(await ports.records.findAmong(TOKENS, form.token), { issuer: ports.issuer, source: assertion.iss });
    if (token === null) return false;
    const [isFirst, live] = await Promise.all([
      ports.usedOnce(assertion.iss, assertion.jti, assertion.exp + CLOCK_SECONDS),
      standingOf(ports, consentIdIn(token.rar)),
    ]);
    if (!isFirst) return false;
    const said = live === null ? { active: false } : { ...answerToSource(live), ...saidOf(token, ports.issuer) };
    req.resume();
    res.setHeader("cache-control", "no-store");
    res.setHeader("content-type", `${ANSWER}; charset=utf-8`);
    const answer = { token_introspection: said, aud: assertion.iss, iss: ports.issuer, iat: seconds(new Date()) };
    res.end(await ports.keys.sign("token-introspection+jwt", answer));
    return true;
  };
}

/** The body, put back for whoever reads it next; null where it is not such a question, or comes in pieces. */
async function wholeBody(req: IncomingMessage): Promise<string | null> {
  const { "content-length": length, "content-type": type = "", accept, authorization } = req.headers;
  if (req.method !== "POST" || !FORM.test(type) || accept !== ANSWER || authorization !== undefined) return null;
  if (!/^[1-9]\d{0,4}$/.test(length ?? "")) return null;
  // Who goes away before the body came is left to the library too.
  if (req.readableLength === 0) await once(req, "readable").catch(() => undefined);
  const chunk = req.read() as Buffer | null;
  if (chunk === null) return null;
  req.unshift(chunk);
  return chunk.length === Number(length) ? chunk.toString() : null;
}

interface Form {
  token: string;
  client_id?: string;
  client_assertion: string;
}

/** Each member once, and none but those that we know. */
function formIn(body: string): Form | null {
  const form = parseForm(body);
  const isPlain = Object.entries(form).every(([name, value]) => MEMBERS.includes(name) && typeof value === "string" && value !== "");
  const { token, client_assertion: assertion, client_assertion_type: type } = form;
  if (!isPlain || typeof token !== "string" || token.includes(".") || typeof assertion !== "string" || type !== ASSERTION) return null;
  return form as unknown as Form;
}

interface Assertion {
  iss: string;
  jti: string;
  exp: number;
  kid: string;
  /** What was signed, and by what. */
  input: Buffer;
  signature: Buffer;
}

/** RFC 7515 §7.1: three parts in base64url, and nothing that a lenient decoder would overlook. */
const COMPACT = /^([\w-]{2,2000})\.([\w-]{2,4000})\.([\w-]{86})$/;
const ENTITY = /^https?:\/\/[!-~]{1,1000}$/;

/** What `checkAssertion` and the library ask of an assertion, but for the signature. */
function assertionIn({ client_assertion: compact, client_id: named }: Form, issuer: string): Assertion | null {
  const [, first = "", second = "", third = ""] = COMPACT.exec(compact) ?? [];
  const [header, claims] = [objectIn(first), objectIn(second)];
  if (header === null || claims === null) return null;
  const { alg, kid, typ, crit } = header;
  const { iss, sub, aud, jti, exp, iat, nbf } = claims;
  const now = seconds(new Date());
  const isPast = (time: unknown) => time === undefined || (typeof time === "number" && time <= now + CLOCK_SECONDS);
  if (
    alg !== "ES256" ||
    typeof kid !== "string" ||
    crit !== undefined ||
    !(typ === undefined || (typeof typ === "string" && TYPES.includes(typ.toLowerCase())))
  )
    return null;
  if (
    typeof iss !== "string" ||
    !ENTITY.test(iss) ||
    iss.startsWith(`${issuer}/`) ||
    sub !== iss ||
    aud !== issuer ||
    (named ?? iss) !== iss
  )
    return null;
  if (typeof jti !== "string" || jti === "" || !isPast(iat) || !isPast(nbf)) return null;
  if (typeof exp !== "number" || exp <= now || exp > now + LONGEST_SECONDS) return null;
  return { iss, jti, exp, kid, input: Buffer.from(`${first}.${second}`), signature: Buffer.from(third, "base64url") };
}

function objectIn(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** Keys of participants as they are used to verify, for as long as what we read of the participant is remembered. */
function publicKeys(): (keys: readonly PublicJwk[], kid: string) => KeyObject | null {
  const known = new WeakMap<PublicJwk, KeyObject>();
  return (keys, kid) => {
    const [jwk, ...others] = keys.filter((key) => key.kid === kid);
    const isUsable = jwk?.kty === "EC" && jwk["crv"] === "P-256" && jwk.use !== "enc" && (jwk.alg ?? "ES256") === "ES256";
    if (jwk === undefined || others.length > 0 || !isUsable) return null;
    const key = known.get(jwk) ?? createPublicKey({ key: jwk, format: "jwk" });
    known.set(jwk, key);
    return key;
  };
}

interface WorkerToken {
  aud: string;
  exp: number;
  iat: number;
  jkt: string;
  rar: AuthorizationDetail[];
}

/** What was stored of it, where it is a live token of the worker for this source, bound to a DPoP key. */
function workerTokenIn(
  found: Awaited<ReturnType<OauthRecords["findAmong"]>>,
  { issuer, source }: { issuer: string; source: string },
): WorkerToken | null {
  if (found?.model !== "AccessToken" || found.consumedAt !== null) return null;
  const { clientId, aud, exp, jkt, rar, grantId, accountId, scope } = found.payload;
  const isForSource = clientId === `${issuer}/worker` && aud === source && typeof exp === "number" && exp > seconds(new Date());
  const isPlain = typeof jkt === "string" && Array.isArray(rar) && rar[0]?.probe === undefined;
  if (!isForSource || !isPlain || grantId !== undefined || accountId !== undefined || scope !== undefined) return null;
  return found.payload as unknown as WorkerToken;
}

function saidOf({ aud, exp, iat, jkt }: WorkerToken, issuer: string): Record<string, unknown> {
  return { active: true, client_id: `${issuer}/worker`, exp, iat, iss: issuer, aud, cnf: { jkt }, token_type: "DPoP" };
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
