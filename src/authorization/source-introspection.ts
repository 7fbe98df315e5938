import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { parse as parseForm } from "node:querystring";
import type { TokenFacts } from "../core/consent/standings.ts";
import { CLOCK_SECONDS, nameOfUse } from "./client-assertion.ts";
import { answerToSource, orNull } from "./introspection.ts";
import type { TokenKeys } from "./jwt-token.ts";
import { liveAsRead, type LivePorts } from "./live-consent.ts";
import { assertionVerifier, readPlainAssertion, type PlainAssertion } from "./plain-assertion.ts";

interface Ports extends LivePorts {
  issuer: string;
  keys: Pick<TokenKeys, "sign">;
}

const ANSWER = "application/token-introspection+jwt";
const FORM = /^application\/x-www-form-urlencoded *(?:; *charset=utf-8)?$/i;
const ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const MEMBERS = ["token", "token_type_hint", "client_id", "client_assertion", "client_assertion_type"];

/**
 * The question that sources ask before they hand out anything: is the worker's token for this person's consent active, now? (RFC 7662, answered as RFC
 * 9701 says.) It is the one request whose number grows with the data that moves, so it has a way of its own, which costs half of the library's.
 *
 * Only what is right in every detail is answered here. Whatever is not (another kind of token, of client, of key or of answer, a proof that does not
 * hold or was used before) is left as it came to the library, which judges it by itself and says what is wrong. Returns whether it answered.
 */
export function sourceIntrospection(ports: Ports): (req: IncomingMessage, res: ServerResponse) => Promise<boolean> {
  const factsOf = factsFor(ports);
  return async (req, res) => {
    const body = await wholeBody(req);
    const form = body === null ? null : formIn(body);
    const assertion = form && readPlainAssertion(form.client_assertion, { issuer: ports.issuer, now: seconds() });
    if (!form || !assertion || (form.client_id ?? assertion.iss) !== assertion.iss) return false;
    const facts = await factsOf(assertion, form.token);
    if (!facts?.isFirst) return false;
    const token = facts.payload as unknown as WorkerToken;
    const live = token.exp > seconds() ? await orNull(liveAsRead(ports, facts.standing)) : null;
    const said = live === null ? { active: false } : { ...answerToSource(live), ...saidOf(token, ports.issuer) };
    const answer = { token_introspection: said, aud: assertion.iss, iss: ports.issuer, iat: seconds() };
    req.resume();
    res.setHeader("cache-control", "no-store");
    res.setHeader("content-type", `${ANSWER}; charset=utf-8`);
    res.end(await ports.keys.sign("token-introspection+jwt", answer));
    return true;
  };
}

/**
 * Judges the assertion by the keys that were last seen of its client; the statement that follows answers only where they still are its keys. Where they
 * are not, or were never seen, they are read first.
 */
function factsFor({ standings, clock, issuer }: Ports): (assertion: PlainAssertion, token: string) => Promise<TokenFacts | null> {
  const isBy = assertionVerifier();
  return async (assertion, token) => {
    const { iss, jti, exp } = assertion;
    const once = { id: nameOfUse(iss, jti), expiresAt: new Date((exp + CLOCK_SECONDS) * 1000) };
    for (const readFirst of [false, true]) {
      if (readFirst) await standings.findParticipant(iss);
      const asker = standings.recall(iss);
      if (asker === null || asker.participant.client?.mutualTls || !(await isBy(assertion, asker.participant.keys))) continue;
      const facts = await standings.askOnce({ asker, clientId: `${issuer}/worker`, token, once, now: clock.now() });
      if (facts !== null) return facts;
    }
    return null;
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

/** What was stored of a token of the worker, bound to its DPoP key. */
interface WorkerToken {
  exp: number;
  iat: number;
  aud: string;
  jkt: string;
}

function saidOf({ aud, exp, iat, jkt }: WorkerToken, issuer: string): Record<string, unknown> {
  return { active: true, client_id: `${issuer}/worker`, exp, iat, iss: issuer, aud, cnf: { jkt }, token_type: "DPoP" };
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}
