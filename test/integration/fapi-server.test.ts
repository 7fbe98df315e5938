import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { calculateJwkThumbprint, CompactSign, exportJWK, generateKeyPair } from "jose";
import { refuseConsent } from "../../src/core/consent/decide-consent.ts";
import { clock } from "../support/authorization-server.ts";
import { CALLBACK, detail, startJourney, type Journey } from "../support/authorization-journey.ts";
import { now, proofCraft } from "../support/crafted-proof.ts";
import { forgeries } from "../support/forged-jws.ts";
import { browser, platformClient, type PlatformClient, type Reply } from "../support/platform-client.ts";
import { accreditedParticipant, type TestKey } from "../support/register-fixtures.ts";

/**
 * The modules of fapi2-security-profile-final-test-plan (plain_oauth, private_key_jwt, DPoP, unsigned, plain response) that ask the
 * authorization server. Each test is called like its module, without the prefix. The modules that ask a resource are in fapi-resource.test.ts.
 */

let journey: Journey;
let client: PlatformClient;
let thief: PlatformClient;

before(async () => {
  journey = await startJourney();
  ({ client, thief } = journey);
});
after(() => journey[Symbol.asyncDispose]());

const nonce = async () => {
  const answer = await client.post("/token", { grant_type: "client_credentials" }, { proof: await client.proof("/token") });
  return String(answer.headers.get("dpop-nonce"));
};
const verifier = randomBytes(32).toString("base64url");
const challenge = createHash("sha256").update(verifier).digest("base64url");
/** The answer at the authorization endpoint: an error page, or an error at the platform's address; never a question to the person. */
async function refusedAtFront(url: string): Promise<string> {
  const { status, location, text } = await browser().get(url);
  const error = location === null ? "page" : new URL(location).searchParams.get("error");
  assert.ok((location === null && status >= 400) || error !== null, `${status} ${location} ${text}`);
  return String(error);
}

test("discovery-end-point-verification", async () => {
  for (const name of ["oauth-authorization-server", "openid-configuration"]) {
    const metadata = (await (await fetch(`${journey.setup.issuer}/.well-known/${name}`)).json()) as Record<string, unknown>;
    const { issuer } = journey.setup;
    // oxfmt-ignore
    const expected = {
      issuer, authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/.well-known/jwks.json`,
      pushed_authorization_request_endpoint: `${issuer}/request`, require_pushed_authorization_requests: true,
      authorization_response_iss_parameter_supported: true, response_types_supported: ["code"], code_challenge_methods_supported: ["S256"],
      token_endpoint_auth_methods_supported: ["private_key_jwt"], subject_types_supported: ["pairwise"],
      authorization_details_types_supported: ["self_data_transfer"], introspection_endpoint: `${issuer}/token/introspection`, revocation_endpoint: `${issuer}/token/revocation`,
    };
    const found = Object.fromEntries(Object.keys(expected).map((key) => [key, metadata[key]]));
    assert.deepEqual(found, expected);
    const algorithms = ["ES256", "PS256", "Ed25519", "EdDSA"];
    assert.deepEqual(metadata["token_endpoint_auth_signing_alg_values_supported"], algorithms);
    assert.deepEqual(metadata["dpop_signing_alg_values_supported"], algorithms);
    assert.deepEqual(
      (metadata["grant_types_supported"] as string[]).filter((type) => ["implicit", "password"].includes(type)),
      [],
    );
  }
  const { keys } = (await (await fetch(`${journey.setup.issuer}/.well-known/jwks.json`)).json()) as { keys: Record<string, unknown>[] };
  assert.ok(keys.length > 0 && keys.every((key) => key["d"] === undefined && key["alg"] !== "none"));
});

describe("happy path", () => {
  test("happy-flow: two clients, two people, tokens that are worth nothing without their key", async () => {
    for (const by of [client, thief]) {
      await journey.person(`happy ${by.id}`);
      const asked = await journey.ask({ client: by });
      await journey.allow(asked);
      const answer = await journey.comeBack(asked);
      assert.deepEqual([answer.get("iss"), answer.get("state")], [journey.setup.issuer, asked.state]);
      const reply = await by.exchange(String(answer.get("code")), asked.verifier);
      assert.deepEqual([reply.status, reply.body.token_type, reply.body.expires_in], [200, "DPoP", 300]);
      assert.equal(reply.headers.get("cache-control"), "no-store");
      assert.equal(reply.headers.get("access-control-allow-origin"), null);
    }
  });

  test("user-rejects-authentication", async () => {
    await journey.person("rejects");
    const asked = await journey.ask();
    await refuseConsent({ store: journey.setup.store, clock }, { consentId: asked.consent.id, personId: asked.consent.personId });
    const answer = await journey.comeBack(asked);
    assert.deepEqual([answer.get("error"), answer.get("state"), answer.get("iss")], ["access_denied", asked.state, journey.setup.issuer]);
    assert.equal(answer.get("code"), null);
  });

  test("ensure-authorization-request-without-state-success", async () => {
    assert.equal((await stateBack("stateless", undefined)).has("state"), false);
  });

  test("ensure-authorization-request-with-long-state", async () => {
    const long = randomBytes(300).toString("hex");
    assert.equal((await stateBack("long", long)).get("state"), long);
  });

  async function stateBack(subject: string, state: string | undefined): Promise<URLSearchParams> {
    await journey.person(subject);
    const asked = await journey.ask({ form: { state } });
    await journey.allow(asked);
    return journey.comeBack(asked);
  }

  test("refresh-token: for its client, proved by its assertion", async () => {
    const { refresh } = await journey.token("refresher");
    const form = { grant_type: "refresh_token", refresh_token: refresh };
    assert.equal((await thief.post("/token", form)).body.error, "invalid_grant");
    assert.equal(
      (await client.post("/token", { ...form, client_assertion: undefined, client_assertion_type: undefined })).body.error,
      "invalid_client",
    );
    const [first, second] = [await client.post("/token", form), await client.post("/token", form)];
    assert.deepEqual([first.status, second.status], [200, 200], "it is not rotated: the client proves itself each time");
    assert.equal(first.body.refresh_token, refresh);
  });
});

describe("DPoP at the authorization server", () => {
  const form = (code: string) => ({ grant_type: "authorization_code", code, code_verifier: verifierOf.get(code), redirect_uri: CALLBACK });
  const verifierOf = new Map<string, string>();
  async function code(subject: string, pushedForm: Record<string, string> = {}, proof?: string | null): Promise<string> {
    await journey.person(subject);
    const by = {
      ...client,
      push: (details: unknown, changed = {}) => client.push(details, { ...changed, ...pushedForm }, proof === undefined ? {} : { proof }),
    };
    const asked = await journey.ask({ client: by });
    await journey.allow(asked);
    const value = String((await journey.comeBack(asked)).get("code"));
    verifierOf.set(value, asked.verifier);
    return value;
  }
  const at = (path: string) => ({ method: "POST", url: `${journey.setup.issuer}${path}` });

  test("fail-if-dpop_jkt-does-not-match-par-dpop-proof", async () => {
    assert.equal((await client.push([detail()], { dpop_jkt: "A".repeat(43) })).body.error, "invalid_request");
  });

  test("fail-if-token-endpoint-dpop-key-differs-from-par", async () => {
    const value = await code("par key");
    const craft = await proofCraft();
    const reply = await client.post("/token", form(value), { proof: await craft.proof({ ...at("/token"), nonce: await nonce() }) });
    assert.equal(reply.body.error, "invalid_grant", JSON.stringify(reply.body));
  });

  test("ensure-authorization-code-binding-by-par-proof-and-by-dpop_jkt-succeeds", async () => {
    assert.equal((await client.post("/token", form(await code("bound by proof")))).status, 200);
    assert.equal((await client.post("/token", form(await code("bound by name", { dpop_jkt: client.proofs.jkt }, null)))).status, 200);
  });

  test("fail-if-token-endpoint-dpop-key-differs-from-dpop_jkt", async () => {
    const value = await code("named key", { dpop_jkt: "A".repeat(43) }, null);
    assert.equal((await client.post("/token", form(value))).body.error, "invalid_grant");
  });

  test("ensure-holder-of-key-required", async () => {
    assert.equal((await client.post("/token", form(await code("no key")), { proof: null })).status, 400);
  });

  // oxfmt-ignore
  const PROOFS: [name: string, change: Parameters<Awaited<ReturnType<typeof proofCraft>>["proof"]>[1], accepted: boolean][] = [
    ["iat ten seconds ago",           { claims: { iat: now() - 10 } }, true],
    ["iat ten seconds ahead",         { claims: { iat: now() + 10 } }, true],
    ["another nonce",                 { claims: { nonce: "x".repeat(43) } }, false],
    ["another address",               { claims: { htu: "https://other.example/token" } }, false],
    ["the address of the push",       { claims: { htu: "/request" } }, false],
    ["another method",                { claims: { htm: "GET" } }, false],
    ["another typ",                   { header: { typ: "JWT" } }, false],
    ["alg none",                      { header: { alg: "none" } }, false],
    ["no key",                        { header: { jwk: undefined } }, false],
    ["no jti",                        { claims: { jti: undefined } }, false],
    ["no iat",                        { claims: { iat: undefined } }, false],
  ];
  test("dpop proofs at the token endpoint", async () => {
    const craft = await proofCraft();
    const ask = { grant_type: "client_credentials", scope: "register" };
    for (const [name, change, accepted] of PROOFS) {
      const reply = await client.post("/token", ask, { proof: await craft.proof({ ...at("/token"), nonce: await nonce() }, change) });
      assert.equal(reply.status === 200, accepted, `${name}: ${JSON.stringify(reply.body)}`);
    }
  });
});

describe("the authorization request", () => {
  const plain = (changed: Record<string, string> = {}) =>
    `${journey.setup.issuer}/auth?${new URLSearchParams({
      client_id: client.id,
      response_type: "code",
      redirect_uri: CALLBACK,
      code_challenge: challenge,
      code_challenge_method: "S256",
      authorization_details: JSON.stringify([detail()]),
      ...changed,
    })}`;

  test("par-authorization-request-containing-parameters-outside-par is refused", async () => {
    await refusedAtFront(plain());
  });

  test("state-only-outside-request-object-not-used, and other parameters beside request_uri are not used", async () => {
    await journey.person("outside");
    const pushed = await client.push([detail()], { state: undefined });
    const more = "&state=evil&redirect_uri=https%3A%2F%2Fthief.example%2F&scope=register&ui_locales=xx";
    const visit = browser();
    const began = await visit.get(journey.authorizeUrl(pushed.body.request_uri) + more);
    const decide = await visit.get(String(began.location));
    const [, id] = /permissions\/(cst_\w+)\//.exec(String(decide.location)) ?? [];
    const consent = await journey.setup.store.read((r) => r.consents.get(id as never));
    const finish = `${journey.setup.issuer}${decodeURIComponent(String(decide.location?.split("next=")[1]))}`;
    const asked = { client, visit, verifier: pushed.verifier, state: "", consent, finish };
    await journey.allow(asked);
    const answer = await journey.comeBack(asked);
    assert.deepEqual([answer.has("state"), answer.has("code")], [false, true]);
    await refusedAtFront(`${journey.authorizeUrl((await client.push([detail()])).body.request_uri)}&response_type=token`);
  });

  // oxfmt-ignore
  const PUSHES: [module: string, changed: Record<string, string | undefined>, error: string][] = [
    ["ensure-redirect-uri-in-authorization-request", { redirect_uri: undefined }, "invalid_request"],
    ["ensure-registered-redirect-uri",               { redirect_uri: `${CALLBACK}/x` }, "invalid_request"],
    ["ensure-registered-redirect-uri: a query more", { redirect_uri: `${CALLBACK}?x=y` }, "invalid_request"],
    ["ensure-registered-redirect-uri: another port", { redirect_uri: "https://platform.example:8443/callback" }, "invalid_request"],
    ["ensure-response-type-code-idtoken-fails",      { response_type: "code id_token" }, "unsupported_response_type"],
    ["ensure-response-type-token-fails",             { response_type: "token" }, "unsupported_response_type"],
    ["ensure-response-type: none given",             { response_type: undefined }, "invalid_request"],
    ["par-ensure-pkce-required",                     { code_challenge: undefined, code_challenge_method: undefined }, "invalid_request"],
    ["par-plain-pkce-rejected",                      { code_challenge: verifier, code_challenge_method: "plain" }, "invalid_request"],
    ["par-plain-pkce-rejected: by leaving it out",   { code_challenge: verifier, code_challenge_method: undefined }, "invalid_request"],
    ["par-pkce: too short",                          { code_challenge: "short" }, "invalid_request"],
    ["par-attempt-to-use-request_uri-as-form-parameter", { request_uri: "urn:ietf:params:oauth:request_uri:abc" }, "request_uri_not_supported"],
    ["a request object, which is not offered",       { request: "eyJhbGciOiJub25lIn0.e30." }, "request_not_supported"],
    ["another response_mode",                        { response_mode: "query.jwt" }, "unsupported_response_mode"],
    ["prompt=none",                                  { prompt: "none login" }, "invalid_request"],
  ];
  test("what may not be pushed", async () => {
    for (const [module, changed, error] of PUSHES) {
      const { status, body } = await client.push([detail()], changed);
      assert.deepEqual([status, body.error], [400, error], `${module}: ${JSON.stringify(body)}`);
    }
  });
});

describe("pushed authorization requests", () => {
  test("par-ensure-client_id-and-request_uri-alone-suffice, and it stands after a first visit that signed nobody in", async () => {
    journey.setup.signOut();
    const pushed = await client.push([detail()]);
    assert.equal(pushed.body.expires_in, 60);
    const url = journey.authorizeUrl(pushed.body.request_uri);
    assert.match(String((await browser().get(url)).location), /\/interaction\//);
    assert.match(String((await browser().get(url)).location), /\/interaction\//);
  });

  test("par-ensure-reused-request-uri-prior-to-auth-completion-succeeds, and par-ensure-request-uri-reuse-fails", async () => {
    await journey.person("reuser");
    const pushed = await client.push([detail()]);
    const ask = await askBy(pushed);
    await journey.allow(ask);
    assert.ok((await journey.comeBack(ask)).get("code"));
    await refusedAtFront(journey.authorizeUrl(pushed.body.request_uri));
  });

  async function askBy(pushed: Reply & { verifier: string; state: string }) {
    return journey.ask({ client: { ...client, push: async () => pushed } });
  }

  test("par-ensure-expired-request-uri-fails", async () => {
    const pushed = await client.push([detail()]);
    await journey.setup.expireRecords("PushedAuthorizationRequest");
    await refusedAtFront(journey.authorizeUrl(pushed.body.request_uri));
  });

  test("par-attempt-to-use-request_uri-of-another-client", async () => {
    const pushed = await client.push([detail()]);
    await refusedAtFront(journey.authorizeUrl(pushed.body.request_uri, thief.id));
  });

  test("par-attempt-invalid-http-method", async () => {
    for (const method of ["GET", "PUT", "DELETE"]) {
      const { status } = await fetch(`${journey.setup.issuer}/request`, { method });
      assert.ok(status === 404 || status === 405, `${method} ${status}`);
    }
  });
});

describe("the client's assertion", () => {
  const issuer = () => journey.setup.issuer;
  const changed = (claims: Record<string, unknown>) => client.assertion(claims);
  // oxfmt-ignore
  const ASSERTIONS: [module: string, assertion: () => Promise<string | undefined>, accepted: boolean][] = [
    ["ensure-client-assertion-with-exp-is-5-minutes-in-past-fails", () => changed({ exp: now() - 300 }), false],
    ["ensure-client-assertion-with-wrong-aud-fails",                () => changed({ aud: "https://other.example" }), false],
    ["ensure-client-assertion-with-no-sub-fails",                   () => changed({ sub: undefined }), false],
    ["ensure-client-assertion-with-another-sub-fails",              () => changed({ sub: thief.id }), false],
    ["ensure-client-assertion-with-no-iss-fails",                   () => changed({ iss: undefined }), false],
    ["ensure-client-assertion-with-no-jti-fails",                   () => changed({ jti: undefined }), false],
    ["ensure-client-assertion-with-no-exp-fails",                   () => changed({ exp: undefined }), false],
    ["ensure-client-assertion-with-array-aud-fails",                () => changed({ aud: [issuer()] }), false],
    ["ensure-client-assertion-with-array-aud-fails: two of them",   () => changed({ aud: [issuer(), "https://other.example"] }), false],
    ["ensure-client-assertion-with-par-endpoint-aud-fails",         () => changed({ aud: `${issuer()}/request` }), false],
    ["ensure-client-assertion-with-token-endpoint-aud-fails",       () => changed({ aud: `${issuer()}/token` }), false],
    ["ensure-client-assertion: a slash at the end of aud",          () => changed({ aud: `${issuer()}/` }), false],
    ["ensure-client-assertion-with-nbf-8-seconds-ahead-succeeds",   () => changed({ nbf: now() + 8 }), true],
    ["ensure-client-assertion-with-iat-8-seconds-ahead-succeeds",   () => changed({ iat: now() + 8 }), true],
    ["ensure-client-assertion-with-nbf-more-than-60-ahead-fails",   () => changed({ nbf: now() + 70, exp: now() + 120 }), false],
    ["ensure-client-assertion-with-iat-more-than-60-ahead-fails",   () => changed({ iat: now() + 70, exp: now() + 120 }), false],
    ["an assertion that lasts a year",                              () => changed({ exp: now() + 31_536_000 }), false],
    ["a document of another typ",                                   () => journey.keys.platform.sign("entity-statement+jwt", claims()), false],
    ["typ client-authentication+jwt (rfc7523bis)",                  () => journey.keys.platform.sign("client-authentication+jwt", claims()), true],
    ["another client's key",                                        () => journey.keys.thief.sign("JWT", claims()), false],
    ["no assertion at all",                                         async () => undefined, false],
  ];
  const claims = () => ({
    iss: client.id,
    sub: client.id,
    aud: issuer(),
    jti: randomBytes(16).toString("hex"),
    iat: now(),
    exp: now() + 60,
  });

  for (const path of ["/request", "/token", "/token/introspection", "/token/revocation"])
    test(`at ${path}`, async () => {
      for (const [module, make, accepted] of ASSERTIONS) {
        const assertion = await make();
        const type = assertion === undefined ? { client_assertion_type: undefined } : {};
        const { body } = await client.post(
          path,
          { ...formAt(path), client_assertion: assertion, ...type },
          { proof: path === "/token" ? await client.proof(path, await nonce()) : null },
        );
        const error = accepted ? undefined : "invalid_client";
        // Where no way of authenticating is named, or two names are, the request itself is wrong.
        const isUnnamed = !accepted && body.error === "invalid_request";
        assert.equal(isUnnamed ? "invalid_client" : body.error, error, `${module}: ${JSON.stringify(body)}`);
      }
    });

  const formAt = (path: string): Record<string, string> => {
    if (path === "/token") return { grant_type: "client_credentials", scope: "register" };
    if (path !== "/request") return { token: "x" };
    // oxfmt-ignore
    return { response_type: "code", redirect_uri: CALLBACK, code_challenge: challenge, code_challenge_method: "S256", authorization_details: JSON.stringify([detail()]) };
  };

  test("algorithm confusion, none and wrong primitives (security reference §1.6)", async () => {
    const forged = await forgeries({ key: journey.keys.platform, type: "JWT", claims: claims() });
    for (const [why, assertion] of forged.filter(([name]) => !/another typ|^nothing$/.test(name))) {
      const { body } = await client.post("/token/introspection", { token: "x", client_assertion: assertion }, { proof: null });
      assert.ok(["invalid_client", "invalid_request"].includes(String(body.error)), `${why}: ${JSON.stringify(body)}`);
    }
    const bomb = await client.post(
      "/token/introspection",
      { token: "x", client_assertion: `${(await client.assertion()).split(".")[0]}.${"A".repeat(1_000_000)}.x` },
      { proof: null },
    );
    assert.ok(bomb.status >= 400 && bomb.status < 500, "a token of a megabyte (security reference §1.6, JWE bombs)");
  });

  test("ensure-signed-client-assertion-with-RS256-fails, by a key with which PS256 is accepted", async () => {
    const { privateKey, publicKey } = await generateKeyPair("PS256", { extractable: true });
    const jwk = await exportJWK(publicKey);
    const kid = await calculateJwkThumbprint(jwk);
    const pkcs8 = await crypto.subtle.exportKey("pkcs8", privateKey);
    const rs256 = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, false, ["sign"]);
    const id = "https://rsa.example";
    await accreditedParticipant(journey.setup.store, { entityId: id, roles: ["service"], keys: [{ ...jwk, kty: "RSA", kid }] });
    const by = (alg: string, key: CryptoKey): TestKey => ({
      kid,
      privateKey: key,
      publicJwk: {
        ...jwk,
        kty: "RSA",
        kid,
      },
      sign: (typ, payload) =>
        new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
          .setProtectedHeader({
            alg,
            kid,
            typ,
          })
          .sign(key),
    });
    const post = async (alg: string, key: CryptoKey) =>
      (await platformClient(issuer(), id, by(alg, key), CALLBACK)).post("/token/introspection", { token: "x" }, { proof: null });
    assert.equal((await post("RS256", rs256)).body.error, "invalid_client");
    assert.equal((await post("PS256", privateKey)).status, 200);
  });
});

describe("the code and its verifier", () => {
  const form = (code: string, changed: object = {}) => ({ grant_type: "authorization_code", code, redirect_uri: CALLBACK, ...changed });

  test("ensure-authorization-code-is-bound-to-client, and another client's client_id is refused", async () => {
    const { code, verifier: code_verifier } = await journey.code("bound");
    assert.equal((await thief.exchange(code, code_verifier)).body.error, "invalid_grant");
    const mixed = await client.post("/token", form(code, { code_verifier, client_id: thief.id }));
    assert.equal(mixed.status, 400, JSON.stringify(mixed.body));
    assert.equal(mixed.body.error, "invalid_request");
    assert.equal((await client.exchange(code, code_verifier)).status, 200, "what others tried with it took nothing away");
  });

  test("attempt-reuse-authorization-code-after-one-second: refused, and the token that was issued ends", async () => {
    const { code, verifier: code_verifier } = await journey.code("twice");
    const { body } = await client.exchange(code, code_verifier);
    const introspect = () => client.post("/token/introspection", { token: String(body.access_token) }, { proof: null });
    assert.equal((await introspect()).body.active, true);
    assert.equal((await client.exchange(code, code_verifier)).body.error, "invalid_grant");
    assert.equal((await introspect()).body.active, false);
    assert.equal(
      (await client.post("/token", { grant_type: "refresh_token", refresh_token: String(body.refresh_token) })).body.error,
      "invalid_grant",
    );
  });

  test("ensure-authorization-code-older-than-60-seconds-fails", async () => {
    const { code, verifier: code_verifier } = await journey.code("old");
    const { rows } = await journey.setup.query(
      "select max(extract(epoch from expires_at - now()))::float as left from relais.oauth_records where model = 'AuthorizationCode'",
    );
    assert.ok(Number(rows[0]?.["left"]) <= 60, "it is kept for a minute at most");
    await journey.setup.expireRecords("AuthorizationCode");
    assert.equal((await client.exchange(code, code_verifier)).body.error, "invalid_grant");
  });

  test("par-pkce-code-verifier: required, and the right one", async () => {
    const { code, verifier: right } = await journey.code("verifier");
    for (const code_verifier of [undefined, "x".repeat(43), challenge])
      assert.equal((await client.post("/token", form(code, { code_verifier }))).body.error, "invalid_grant", String(code_verifier));
    assert.equal(
      (await client.post("/token", form(code, { code_verifier: right, redirect_uri: `${CALLBACK}/x` }))).body.error,
      "invalid_grant",
    );
  });

  test("a verifier for a code without a challenge cannot be: no code comes about without one (PKCE downgrade, RFC 9700 §4.8)", async () => {
    const { body } = await client.push([detail()], { code_challenge: undefined, code_challenge_method: undefined });
    assert.equal(body.error, "invalid_request");
  });

  test("grants that are not offered", async () => {
    for (const grant_type of [
      "password",
      "implicit",
      "urn:ietf:params:oauth:grant-type:device_code",
      "urn:ietf:params:oauth:grant-type:token-exchange",
    ])
      assert.equal(
        (await client.post("/token", { grant_type, username: "a", password: "b" })).body.error,
        "unsupported_grant_type",
        grant_type,
      );
  });
});

describe("parameter pollution (security reference §1.6)", () => {
  const send = async (path: string, pairs: [string, string][], query = "") => {
    const proof = path === "/token" ? { dpop: await client.proof("/token", await nonce()) } : {};
    const answer = await fetch(`${journey.setup.issuer}${path}${query}`, {
      method: "POST",
      body: new URLSearchParams(pairs),
      headers: { ...proof },
    });
    return { status: answer.status, body: (await answer.json().catch(() => ({}))) as Record<string, unknown> };
  };
  const authenticated = async (pairs: [string, string][]): Promise<[string, string][]> => [
    ["client_id", client.id],
    ["client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"],
    ["client_assertion", await client.assertion()],
    ...pairs,
  ];
  // oxfmt-ignore
  const PUSHED = (): [string, string][] => [
    ["response_type", "code"], ["redirect_uri", CALLBACK], ["code_challenge", challenge], ["code_challenge_method", "S256"], ["state", "s"],
    ["authorization_details", JSON.stringify([detail()])], ["dpop_jkt", client.proofs.jkt],
  ];

  test("every parameter of a pushed request, twice", async () => {
    assert.equal((await send("/request", await authenticated(PUSHED()))).status, 201);
    const all = await authenticated(PUSHED());
    for (const [name, value] of all) {
      for (const second of [value, "other"]) {
        const { status, body } = await send("/request", [...(await authenticated(PUSHED())), [name, second]]);
        assert.deepEqual([status, body["error"]], [400, "invalid_request"], `${name}: ${JSON.stringify(body)}`);
      }
    }
  });

  test("every parameter of a token request, twice", async () => {
    const form: [string, string][] = [
      ["grant_type", "client_credentials"],
      ["scope", "register"],
    ];
    assert.equal((await send("/token", await authenticated(form))).status, 200);
    for (const [name, value] of await authenticated(form)) {
      const { status, body } = await send("/token", [...(await authenticated(form)), [name, value]]);
      assert.deepEqual([status, body["error"]], [400, "invalid_request"], `${name}: ${JSON.stringify(body)}`);
    }
  });

  test("what stands in the query of a POST counts for nothing", async () => {
    const { status } = await send(
      "/token",
      await authenticated([
        ["grant_type", "client_credentials"],
        ["scope", "register"],
      ]),
      `?client_id=${encodeURIComponent(thief.id)}&grant_type=password&scope=transfers`,
    );
    assert.equal(status, 200);
    const bare = await send("/token", [], `?${new URLSearchParams(await authenticated([["grant_type", "client_credentials"]]))}`);
    assert.equal(bare.status, 400);
  });

  test("at the authorization endpoint, twice in the query, and once in the query and once in the form", async () => {
    const { body } = await client.push([detail()]);
    const url = journey.authorizeUrl(body.request_uri);
    await refusedAtFront(`${url}&client_id=${encodeURIComponent(client.id)}`);
    await refusedAtFront(`${url}&request_uri=other`);
    const posted = await fetch(url, { method: "POST", body: new URLSearchParams({ client_id: client.id }), redirect: "manual" });
    assert.ok(
      posted.status >= 400 || String(posted.headers.get("location")).includes("error="),
      `${posted.status} ${posted.headers.get("location")}`,
    );
  });

  test("__proto__ and constructor as parameters change nothing", async () => {
    const { status } = await send("/request", [
      ...(await authenticated(PUSHED())),
      ["__proto__[polluted]", "x"],
      ["constructor.prototype.polluted", "x"],
      ["__proto__", "x"],
    ]);
    assert.equal(status, 201);
    assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  });
});

describe("flow coercion (security reference §1.6): a step of somebody else's way", () => {
  test("another browser's interaction, its end, and its return address", async () => {
    await journey.person("victim");
    const theirs = await journey.ask();
    await journey.allow(theirs);
    await journey.person("attacker");
    const own = await journey.ask();
    const uid = String(/\/interaction\/([\w-]+)\/finish/.exec(theirs.finish)?.[1]);
    for (const path of [`/interaction/${uid}`, `/interaction/${uid}/finish`, `/auth/${uid}`]) {
      const { status, location } = await own.visit.get(`${journey.setup.issuer}${path}`);
      assert.ok(status >= 400 && location === null, `${path}: ${status} ${location}`);
    }
    assert.ok((await journey.comeBack(theirs).catch(() => null)) === null, "the person who is signed in now is another one");
  });

  test("another client's code in one's own answer (mix-up, code injection): PKCE and the client's key stop it", async () => {
    const stolen = await journey.code("stolen");
    await journey.person("injector");
    const asked = await journey.ask({ client: thief });
    assert.equal((await thief.exchange(stolen.code, asked.verifier)).body.error, "invalid_grant");
    assert.equal((await client.exchange(stolen.code, asked.verifier)).body.error, "invalid_grant", "with the verifier of another request");
  });
});

test("no page of another origin may ask (CORS), and the authorization endpoint says nothing of it (RFC 9700 §2.6)", async () => {
  const { issuer } = journey.setup;
  const headers = { origin: "https://evil.example" };
  for (const path of ["/token", "/request", "/token/introspection", "/token/revocation", "/auth"]) {
    const preflight = await fetch(issuer + path, { method: "OPTIONS", headers: { ...headers, "access-control-request-method": "POST" } });
    const asked = await fetch(issuer + path, { method: path === "/auth" ? "GET" : "POST", headers });
    for (const answer of [preflight, asked]) assert.equal(answer.headers.get("access-control-allow-origin"), null, path);
  }
});

test("nothing failed inside the server", () => assert.deepEqual(journey.setup.reports, []));
