import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { parse as parseForm } from "node:querystring";
import type { AuthorizationDetail } from "oidc-provider";
import type { Clock, OauthRecords, Standings, Store } from "../core/ports.ts";
import type { Policy } from "../core/policy/policy.ts";
import { CLOCK_SECONDS } from "./client-assertion.ts";
import { answerToSource, standingOf } from "./introspection.ts";
import type { TokenKeys } from "./jwt-token.ts";
import { consentIdIn } from "./live-consent.ts";
import { assertionVerifier, readPlainAssertion } from "./plain-assertion.ts";

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
  const isBy = assertionVerifier();
  return async (req, res) => {
    const body = await wholeBody(req);
    const form = body === null ? null : formIn(body);
    const assertion = form && readPlainAssertion(form.client_assertion, { issuer: ports.issuer, now: seconds() });
    if (!form || !assertion || (form.client_id ?? assertion.iss) !== assertion.iss) return false;
    const [source, found] = await Promise.all([
      ports.standings.findParticipant(assertion.iss),
      ports.records.findAmong(TOKENS, form.token),
    ]);
    const token = workerTokenIn(found, { issuer: ports.issuer, source: assertion.iss });
    if (source === null || source.client?.mutualTls || !(await isBy(assertion, source.keys))) return false;
    if (token === null) return false;
    const [isFirst, live] = await Promise.all([
      ports.usedOnce(assertion.iss, assertion.jti, assertion.exp + CLOCK_SECONDS),
      standingOf(ports, consentIdIn(token.rar)),
    ]);
    if (!isFirst) return false;
    const said = live === null ? { active: false } : { ...answerToSource(live), ...saidOf(token, ports.issuer) };
    const answer = { token_introspection: said, aud: assertion.iss, iss: ports.issuer, iat: seconds() };
    req.resume();
    res.setHeader("cache-control", "no-store");
    res.setHeader("content-type", `${ANSWER}; charset=utf-8`);
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
  const isForSource = clientId === `${issuer}/worker` && aud === source && typeof exp === "number" && exp > seconds();
  const isPlain = typeof jkt === "string" && Array.isArray(rar) && rar[0]?.probe === undefined;
  if (!isForSource || !isPlain || grantId !== undefined || accountId !== undefined || scope !== undefined) return null;
  return found.payload as unknown as WorkerToken;
}

function saidOf({ aud, exp, iat, jkt }: WorkerToken, issuer: string): Record<string, unknown> {
  return { active: true, client_id: `${issuer}/worker`, exp, iat, iss: issuer, aud, cnf: { jkt }, token_type: "DPoP" };
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
