import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { deflateSync } from "node:zlib";
import express from "express";
import { exportJWK } from "jose";
import { packStatuses, STATUS } from "../../src/core/federation/status-list.ts";
import { newProofKey, type ProofKey } from "../../src/keys/dpop.ts";
import type { WebFetch } from "../../src/sdk/federation-site.ts";
import { consentRules, proofsInMemory, type Consented, type HolderSettings } from "../../src/sdk/require-consent.ts";
import { listen, type Listening } from "../support/authorization-server.ts";
import { testKey, type TestKey } from "../support/register-fixtures.ts";
import { startTinyRelais, type TinyRelais } from "../support/tiny-relais.ts";

/** A holder of its own over the SDK, a Relais that says what a test wants it to say, and requests that are wrong in one thing each. */

const BILLS = "energy.bills";
let relais: TinyRelais;
let holder: Listening;
let lists: Listening;
let key: TestKey;
let settings: HolderSettings;
let proofs: ProofKey;

before(async () => {
  relais = await startTinyRelais();
  [holder, lists, key, proofs] = await Promise.all([listen(), listen(), testKey(), newProofKey()]);
  const privateKey = { ...(await exportJWK(key.privateKey)), kid: key.kid, alg: "ES256" };
  settings = { issuer: relais.issuer, entityId: holder.origin, key: privateKey };
  serve(settings);
});
after(async () => {
  await Promise.all([holder.close(), lists.close(), relais[Symbol.asyncDispose]()]);
});

function serve(given: HolderSettings): void {
  const requireConsent = consentRules(given);
  const app = express();
  app.get("/.well-known/openid-federation", (_request, response) => void response.send(configuration()));
  const echo: express.RequestHandler = (_request, response) => {
    const { datasets, actions, ...consented } = response.locals["consent"] as Consented;
    response.json({ ...consented, datasets: [...datasets], actions: [...actions] });
  };
  app.get("/bills", requireConsent({ dataset: BILLS }), echo);
  app.get("/sets/:dataset", requireConsent({ dataset: ({ dataset }) => String(dataset) }), echo);
  app.delete("/bills", requireConsent({ dataset: BILLS, action: "erase" }), echo);
  holder.serve(app);
}

/** As much of it as the tiny Relais reads: the keys of the client. */
function configuration(): string {
  const payload = { metadata: { oauth_client: { jwks: { keys: [key.publicJwk] } } } };
  return `x.${Buffer.from(JSON.stringify(payload)).toString("base64url")}.x`;
}

interface Sent {
  path?: string;
  method?: string;
  token?: string;
  /** Claims of the proof beside the good ones; undefined takes one away. */
  proof?: Parameters<ProofKey["proof"]>[0] | null;
  by?: ProofKey;
  scheme?: string;
}

function opaque(changed: Partial<Parameters<TinyRelais["token"]>[0]> = {}): string {
  return relais.token({ aud: holder.origin, jkt: proofs.jkt, account: "C-1", datasets: [BILLS], ...changed });
}

async function headersFor({ path = "/bills", method = "GET", token = opaque(), by = proofs, scheme = "DPoP" }: Sent) {
  const proof = await by.proof({ method, url: holder.origin + path, accessToken: token });
  return { authorization: `${scheme} ${token}`, dpop: proof };
}

async function send(
  sent: Sent = {},
  changed: Record<string, string | null> = {},
): Promise<{ status: number; body: Record<string, unknown>; challenge: string | null }> {
  const headers = Object.entries({ ...(await headersFor(sent)), ...changed }).filter((pair): pair is [string, string] => pair[1] !== null);
  const answer = await fetch(holder.origin + (sent.path ?? "/bills"), { method: sent.method ?? "GET", headers });
  return {
    status: answer.status,
    body: (await answer.json()) as Record<string, unknown>,
    challenge: answer.headers.get("www-authenticate"),
  };
}

const reasonOf = async (...given: Parameters<typeof send>) => {
  const { status, body } = await send(...given);
  return [status, body["reason"]];
};

describe("a token that Relais is asked about", () => {
  test("opens what the person allowed, and tells the handler whose it is", async () => {
    const { status, body } = await send();
    assert.deepEqual(
      [status, body],
      [200, { consent: null, account: "C-1", expires: null, destination: null, datasets: [BILLS], actions: ["copy"] }],
    );
    assert.equal((await send({ path: `/sets/${BILLS}?since=2026-01-01` })).status, 200, "a query is not in the proof");
    assert.equal((await send({ scheme: "dpop" })).status, 200, "the scheme's name has no case");
  });

  test("one thing wrong, one refusal", async () => {
    const stranger = await newProofKey();
    const good = opaque();
    const proofOf = (request: Partial<Parameters<ProofKey["proof"]>[0]>) =>
      proofs.proof({ method: "GET", url: `${holder.origin}/bills`, accessToken: good, ...request });
    // oxfmt-ignore
    const cases: [name: string, sent: Sent, changed: Record<string, string | null>, answer: [number, string]][] = [
      ["no token",                 {},                                        { authorization: null },                      [401, "token_missing"]],
      ["a bearer token",           { scheme: "Bearer" },                      {},                                           [401, "token_missing"]],
      ["no proof",                 {},                                        { dpop: null },                               [401, "token_missing"]],
      ["no JWT as a proof",        {},                                        { dpop: "x" },                                [401, "proof_invalid"]],
      ["another method",           { token: good },                           { dpop: await proofOf({ method: "POST" }) },  [401, "proof_invalid"]],
      ["another address",          { token: good },                           { dpop: await proofOf({ url: `${holder.origin}/other` }) }, [401, "proof_invalid"]],
      ["another host",             { token: good },                           { dpop: await proofOf({ url: "https://evil.example/bills" }), host: "evil.example" }, [401, "proof_invalid"]],
      ["a proof of another token", { token: good },                           { dpop: await proofOf({ accessToken: "x" }) }, [401, "proof_invalid"]],
      ["another key",              { by: stranger },                          {},                                           [401, "key_mismatch"]],
      ["an unknown token",         { token: "unknown" },                      {},                                           [401, "token_inactive"]],
      ["another audience",         { token: opaque({ aud: "https://x.example" }) }, {},                                     [401, "audience_mismatch"]],
      ["another data set",         { path: "/sets/energy.home" },             {},                                           [403, "consent_missing"]],
      ["another action",           { method: "DELETE" },                      {},                                           [403, "consent_missing"]],
      ["a JWT where none is taken", { token: "a.b.c" },                       {},                                           [401, "token_format"]],
    ];
    for (const [name, sent, changed, answer] of cases) assert.deepEqual(await reasonOf(sent, changed), answer, name);
    assert.equal((await send({ method: "DELETE", token: opaque({ actions: ["erase"] }) })).status, 200);
  });

  test("a challenge names the error and the algorithms (RFC 9449 §7.1)", async () => {
    const { challenge, body } = await send({ token: "unknown" });
    assert.equal(challenge, 'DPoP error="invalid_token", algs="ES256 PS256 Ed25519 EdDSA"');
    assert.deepEqual([body["code"], body["actor"], body["retryable"]], ["unauthenticated", "client", false]);
    assert.equal((await send({}, { authorization: null })).challenge, 'DPoP algs="ES256 PS256 Ed25519 EdDSA"');
  });

  test("a proof that is too old, from the future, or of a kind that is none", async () => {
    const { proof, token } = await ownProofs();
    const now = Math.floor(Date.now() / 1000);
    // oxfmt-ignore
    const cases: [name: string, jwt: string, status: number][] = [
      ["good",                  await proof({}),                        200],
      ["ten seconds old",       await proof({ iat: now - 10 }),         200],
      ["an hour old",           await proof({ iat: now - 3600 }),       401],
      ["in an hour",            await proof({ iat: now + 3600 }),       401],
      ["without iat",           await proof({ iat: undefined }),        401],
      ["without jti",           await proof({ jti: undefined }),        401],
      ["without ath",           await proof({ ath: undefined }),        401],
      ["of another typ",        await proof({}, { typ: "JWT" }),        401],
      ["without its key",       await proof({}, { jwk: undefined }),    401],
      ["with a private key",    await proof({}, { jwk: await exportJWK(key.privateKey) }), 401],
      ["not of the alg",        await proof({}, { alg: "none" }),       401],
    ];
    for (const [name, dpop, status] of cases) assert.equal((await send({ token }, { dpop })).status, status, name);
  });

  test("a proof counts once, however many come at once", async () => {
    const headers = await headersFor({});
    const answers = await Promise.all(Array.from({ length: 50 }, () => fetch(`${holder.origin}/bills`, { headers })));
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    assert.deepEqual(await reasonOf({}, headers), [401, "proof_used"]);
  });

  test("each request is asked about, unless the holder chose to keep answers; a withdrawal is then felt after that time", async () => {
    const token = opaque();
    const asked = relais.asked;
    await send({ token });
    await send({ token });
    assert.equal(relais.asked - asked, 2);
    relais.tokens.delete(token);
    assert.deepEqual(await reasonOf({ token }), [401, "token_inactive"]);
    serve({ ...settings, keepAnswersMilliseconds: 300 });
    const kept = opaque();
    await send({ token: kept });
    relais.tokens.delete(kept);
    assert.equal((await send({ token: kept })).status, 200);
    await new Promise((resolve) => void setTimeout(resolve, 350));
    assert.equal((await send({ token: kept })).status, 401);
    serve(settings);
  });

  test("where Relais is away, lies, or does not know the holder, nothing passes", async () => {
    serve({ ...settings, issuer: "http://127.0.0.1:9" });
    const { status, body } = await send();
    assert.deepEqual([status, body["reason"], body["retryable"]], [503, "relais_unavailable", true]);
    const liar = await startTinyRelais();
    serve({
      ...settings,
      fetch: (url, init) => fetch(url.replace(relais.issuer, url.endsWith("jwks.json") ? liar.issuer : relais.issuer), init),
    });
    assert.deepEqual(await reasonOf(), [502, "relais_protocol"]);
    await liar[Symbol.asyncDispose]();
    const stranger = { ...(await exportJWK((await testKey()).privateKey)), kid: key.kid };
    serve({ ...settings, key: stranger });
    assert.deepEqual(await reasonOf(), [503, "holder_refused"]);
    serve(settings);
  });

  test("a memory that is full refuses", async () => {
    serve({ ...settings, seen: proofsInMemory(1) });
    assert.equal((await send()).status, 200);
    assert.deepEqual(await reasonOf(), [503, "proofs_full"]);
    serve(settings);
  });

  test("the same rule for a server of the Fetch API", async () => {
    const rule = consentRules(settings)({ dataset: BILLS });
    const request = new Request("http://inside.example/bills", { headers: await headersFor({}) });
    assert.equal((await rule.check(request)).account, "C-1");
    const refused = await rule.check(request).catch((error: { toResponse(): Response }) => error.toResponse());
    assert.ok(refused instanceof Response);
    assert.deepEqual([refused.status, ((await refused.json()) as { reason: string }).reason], [401, "proof_used"]);
  });
});

/** Proofs by the test's own key, header and claims changed at will. */
async function ownProofs() {
  const { sha256 } = await import("../../src/core/transfer/manifest.ts");
  const { calculateJwkThumbprint, CompactSign } = await import("jose");
  const { x, y, crv, kty } = key.publicJwk as Record<string, string>;
  const jwk = { kty, crv, x, y } as { kty: string };
  const token = opaque({ jkt: await calculateJwkThumbprint(jwk) });
  const proof = async (claims: object, header: Record<string, unknown> & { alg?: string } = {}): Promise<string> => {
    const all = {
      jti: randomUUID(),
      iat: Math.floor(Date.now() / 1000),
      htm: "GET",
      htu: `${holder.origin}/bills`,
      ath: sha256(token),
      ...claims,
    };
    const head = { alg: "ES256", typ: "dpop+jwt", jwk, ...header };
    const payload = new TextEncoder().encode(JSON.stringify(all));
    if (head.alg === "none")
      return `${Buffer.from(JSON.stringify(head)).toString("base64url")}.${Buffer.from(payload).toString("base64url")}.`;
    return new CompactSign(payload).setProtectedHeader(head).sign(key.privateKey);
  };
  return { proof, token };
}

describe("a JWT, where the holder takes them", () => {
  let status = 0;
  let changed: Record<string, unknown> = {};
  let asked = 0;
  const INDEX = 4711;
  const uri = () => `${relais.issuer}/status-lists/consents/0`;

  let federation: TestKey;

  before(async () => {
    federation = await testKey();
    serve({ ...settings, jwtTokens: true, fetch: withLists });
  });
  after(() => serve(settings));

  /** The tiny Relais publishes no lists: they are answered here, signed by it. */
  const withLists: WebFetch = async (url, init) => {
    if (url.endsWith("/.well-known/openid-federation")) return new Response(await ofFederation(url.slice(0, -30)));
    if (!url.includes("/status-lists/")) return fetch(url, init);
    asked += 1;
    const iat = Math.floor(Date.now() / 1000);
    const lst = deflateSync(packStatuses([{ index: INDEX, status }])).toString("base64url");
    const claims = { iss: relais.issuer, sub: uri(), iat, exp: iat + 600, ttl: 1, status_list: { bits: 2, lst }, ...changed };
    return new Response(await federation.sign("statuslist+jwt", claims));
  };

  const ofFederation = (iss: string): Promise<string> => {
    const iat = Math.floor(Date.now() / 1000);
    const jwks = { keys: [federation.publicJwk] };
    return federation.sign("entity-statement+jwt", { iss, sub: iss, iat, exp: iat + 60, jwks, metadata: {} });
  };

  function jwt(claims: object = {}, type = "at+jwt"): string {
    const iat = Math.floor(Date.now() / 1000);
    const detail = {
      type: "self_data_transfer",
      actions: ["copy"],
      locations: [holder.origin],
      datasets: [BILLS],
      consent: "cst_1",
      destination: "https://p.example",
      expires: "2027-01-01",
    };
    return relais.sign(type, {
      iss: relais.issuer,
      aud: holder.origin,
      sub: "pairwise",
      client_id: `${relais.issuer}/worker`,
      jti: randomUUID(),
      iat,
      exp: iat + 60,
      cnf: { jkt: proofs.jkt },
      account: "C-1",
      authorization_details: [detail],
      status: { status_list: { idx: INDEX, uri: uri() } },
      ...claims,
    });
  }
  const listGone = () => new Promise((resolve) => void setTimeout(resolve, 1100));

  test("opens without a question about it, and one list serves many requests", async () => {
    const before = [relais.asked, asked];
    const { status: code, body } = await send({ token: jwt() });
    assert.deepEqual([code, body["consent"], body["account"], body["destination"]], [200, "cst_1", "C-1", "https://p.example"]);
    await send({ token: jwt() });
    assert.deepEqual([relais.asked - (before[0] as number), asked - (before[1] as number)], [0, 1]);
    assert.equal((await send()).status, 200, "an opaque token is asked about as ever");
  });

  test("one thing wrong, one refusal", async () => {
    const past = Math.floor(Date.now() / 1000) - 1;
    const [header = "", payload = "", signature = ""] = jwt().split(".");
    const wider = Buffer.from(payload, "base64url").toString().replace("C-1", "C-2");
    const place = (idx: unknown, at = uri()) => ({ status: { status_list: { idx, uri: at } } });
    // oxfmt-ignore
    const cases: [name: string, token: string, answer: [number, string]][] = [
      ["its time is over",         jwt({ exp: past }),                                    [401, "token_invalid"]],
      ["no end",                   jwt({ exp: undefined }),                               [401, "token_invalid"]],
      ["another audience",         jwt({ aud: "https://x.example" }),                     [401, "token_invalid"]],
      ["another issuer",           jwt({ iss: "https://x.example" }),                     [401, "token_invalid"]],
      ["another type",             jwt({}, "JWT"),                                        [401, "token_invalid"]],
      ["another key",              jwt({ cnf: { jkt: "x" } }),                            [401, "key_mismatch"]],
      ["no key",                   jwt({ cnf: undefined }),                               [401, "key_mismatch"]],
      ["changed",                  `${header}.${Buffer.from(wider).toString("base64url")}.${signature}`, [401, "token_invalid"]],
      ["of the holder itself",     await key.sign("at+jwt", { iss: relais.issuer }),      [401, "token_invalid"]],
      ["no place in a list",       jwt({ status: undefined }),                            [401, "token_invalid"]],
      ["a list elsewhere",         jwt(place(INDEX, "https://x.example/status-lists/consents/0")), [401, "token_invalid"]],
      ["a place outside the list", jwt(place(131_072)),                                   [401, "token_invalid"]],
      ["a place below the list",   jwt(place(-1)),                                        [401, "token_invalid"]],
      ["about another source",     jwt({ authorization_details: [{ type: "self_data_transfer", actions: ["copy"], locations: ["https://x.example"], datasets: [BILLS] }] }), [403, "consent_missing"]],
      ["another data set",         jwt({ authorization_details: [{ type: "self_data_transfer", actions: ["copy"], locations: [holder.origin], datasets: ["x"] }] }), [403, "consent_missing"]],
    ];
    for (const [name, token, answer] of cases) assert.deepEqual(await reasonOf({ token }), answer, name);
  });

  test("what ended in the list is refused once the list is read again: withdrawn and suspended alike", async () => {
    for (const value of [STATUS.invalid, STATUS.suspended]) {
      status = STATUS.valid;
      await listGone();
      assert.equal((await send({ token: jwt() })).status, 200);
      status = value;
      assert.equal((await send({ token: jwt() })).status, 200, "the list of before is kept for its ttl");
      await listGone();
      assert.deepEqual(await reasonOf({ token: jwt() }), [401, "consent_ended"]);
    }
    status = STATUS.valid;
  });

  test("a list that cannot be believed lets nobody pass", async () => {
    const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024)).toString("base64url");
    // oxfmt-ignore
    const cases: [name: string, claims: Record<string, unknown>][] = [
      ["of another address", { sub: `${relais.issuer}/status-lists/consents/1` }],
      ["of another issuer",  { iss: "https://x.example" }],
      ["over",               { exp: Math.floor(Date.now() / 1000) - 1 }],
      ["of other bits",      { status_list: { bits: 1, lst: "eNoDAAAAAAE" } }],
      ["that inflates to much more", { status_list: { bits: 2, lst: bomb } }],
      ["that is none",       { status_list: { bits: 2, lst: "!!!" } }],
    ];
    for (const [name, claims] of cases) {
      changed = claims;
      await listGone();
      assert.deepEqual(await reasonOf({ token: jwt() }), [502, "relais_protocol"], name);
    }
    changed = {};
  });
});
