import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { grantConsent, refuseConsent } from "../../src/core/consent/decide-consent.ts";
import { excludePlatform, liftExclusion } from "../../src/core/policy/exclude-platform.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import type { Consent } from "../../src/core/consent/consent.ts";
import { asId, type PersonId } from "../../src/core/ids.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { createConsentTokens } from "../../src/keys/consent-tokens.ts";
import { clock, startAuthorization, type Setup } from "../support/authorization-server.ts";
import { browser, platformClient, type PlatformClient } from "../support/platform-client.ts";
import { accreditedParticipant, dataset, linkAccount, testKey, type TestKey } from "../support/register-fixtures.ts";
import { loopbackFetch } from "../support/web-fetch.ts";
import { policy } from "../support/policy.ts";

const CALLBACK = "https://platform.example/callback";
let setup: Setup;
let holder: Participant;
let platform: Participant;
let client: PlatformClient;
let source: PlatformClient;
let stranger: PlatformClient;
let thief: PlatformClient;
let platformKey: TestKey;

before(async () => {
  setup = await startAuthorization();
  const [holderKey, strangerKey] = await Promise.all([testKey(), testKey()]);
  platformKey = await testKey();
  holder = await accreditedParticipant(setup.store, {
    entityId: "https://holder.example",
    roles: ["holder"],
    keys: [holderKey.publicJwk, { kty: "AKP", kid: "x", alg: "ML-DSA-44", pub: "AA" }],
    datasets: [dataset("bills"), dataset("readings")],
  });
  platform = await accreditedParticipant(setup.store, {
    entityId: "https://platform.example",
    roles: ["platform"],
    keys: [platformKey.publicJwk],
    client: { redirectUris: [CALLBACK] },
  });
  await accreditedParticipant(setup.store, { entityId: "https://other.example", roles: ["holder"], keys: [strangerKey.publicJwk] });
  client = await platformClient(setup.issuer, platform.entityId, platformKey, CALLBACK);
  source = await platformClient(setup.issuer, holder.entityId, holderKey, CALLBACK);
  const thiefKey = await testKey();
  await accreditedParticipant(setup.store, {
    entityId: "https://thief.example",
    roles: ["platform"],
    keys: [thiefKey.publicJwk],
    client: { redirectUris: [CALLBACK] },
  });
  thief = await platformClient(setup.issuer, "https://thief.example", thiefKey, CALLBACK);
  stranger = await platformClient(setup.issuer, "https://other.example", strangerKey, CALLBACK);
});
after(() => setup[Symbol.asyncDispose]());

const inAYear = () => new Date(Date.now() + 300 * 86_400_000).toISOString().slice(0, 10);
const detail = (changed: object = {}) => ({
  type: "self_data_transfer",
  actions: ["copy"],
  locations: ["https://holder.example"],
  datasets: ["bills", "readings"],
  purpose: "https://w3id.org/dpv#PersonalisedBenefits",
  destination: "https://platform.example",
  expires: inAYear(),
  ...changed,
});

async function person(subject: string): Promise<PersonId> {
  const { personId } = await setup.signIn(subject);
  await linkAccount(setup.store, personId, holder.id, `customer-${subject}`);
  await linkAccount(setup.store, personId, platform.id, `space-${subject}`);
  return personId;
}

interface Asked {
  visit: ReturnType<typeof browser>;
  verifier: string;
  state: string;
  consent: Consent;
  finish: string;
}

/** From the pushed request to the page where the person decides. */
async function askConsent(changed: object = {}, visit = browser(), form: Record<string, string> = {}): Promise<Asked> {
  const pushed = await client.push([detail(changed)], form);
  assert.equal(pushed.status, 201, JSON.stringify(pushed.body));
  const began = await visit.get(
    `${setup.issuer}/auth?client_id=${encodeURIComponent(client.id)}&request_uri=${encodeURIComponent(String(pushed.body.request_uri))}`,
  );
  assert.equal(began.status, 303, began.text);
  const decide = await visit.get(String(began.location));
  const [, id, next] = /\/fr\/permissions\/(cst_\w+)\/decide\?next=(.*)$/.exec(decide.location ?? "") ?? [];
  const consentId = asId("consent", id);
  return {
    visit,
    verifier: pushed.verifier,
    state: pushed.state,
    consent: await setup.store.read((r) => r.consents.get(consentId)),
    finish: `${setup.issuer}${decodeURIComponent(next ?? "")}`,
  };
}

/** From the person's answer back to the platform's callback. */
async function comeBack(asked: Asked): Promise<URLSearchParams> {
  const finished = await asked.visit.get(asked.finish);
  assert.equal(finished.status, 303, finished.text);
  const resumed = await asked.visit.get(String(finished.location));
  assert.ok(resumed.location?.startsWith(CALLBACK), `${resumed.status} ${resumed.location} ${resumed.text}`);
  return new URL(String(resumed.location)).searchParams;
}

async function agree(asked: Asked, datasets = ["bills"]): Promise<URLSearchParams> {
  const { id: consentId, personId, noticeHash } = asked.consent;
  await grantConsent({ store: setup.store, clock }, { consentId, personId, noticeHash, datasets, language: "fr" });
  return comeBack(asked);
}

async function token(subject: string, changed: object = {}): Promise<{ value: string; refresh: string; consent: Consent }> {
  await person(subject);
  const asked = await askConsent(changed);
  const answer = await agree(asked);
  const reply = await client.exchange(String(answer.get("code")), asked.verifier);
  assert.equal(reply.status, 200, JSON.stringify(reply.body));
  return { value: String(reply.body.access_token), refresh: String(reply.body.refresh_token), consent: asked.consent };
}

describe("the way of a platform's request", () => {
  test("pushed request, consent, code, token, call of the API", async () => {
    const personId = await person("ada");
    const asked = await askConsent();
    assert.equal(asked.consent.notice.requester?.entityId, platform.entityId);
    const answer = await agree(asked);
    assert.equal(answer.get("iss"), setup.issuer);
    assert.equal(answer.get("state"), asked.state);
    const reply = await client.exchange(String(answer.get("code")), asked.verifier, { at: setup.second });
    assert.equal(reply.status, 200, JSON.stringify(reply.body));
    assert.equal(reply.body.token_type, "DPoP");
    assert.equal(reply.body.expires_in, 300);
    assert.match(String(reply.body.access_token), /^[\w-]{43}$/);
    const [granted] = reply.body.authorization_details as Record<string, unknown>[];
    assert.deepEqual([granted?.datasets, granted?.consent], [["bills"], asked.consent.id]);

    const url = `${setup.issuer}/v1/transfers`;
    const accessToken = String(reply.body.access_token);
    const request = async () => ({
      authorization: `dpop ${accessToken}`,
      dpop: await client.proofs.proof({ method: "POST", url, accessToken }),
      method: "POST",
      url,
    });
    const caller = await setup.authorization.callers.verify(await request());
    assert.deepEqual(caller, { clientEntityId: platform.entityId, participantId: platform.id, consentId: asked.consent.id, personId });
    const used = await request();
    const replays = await Promise.allSettled(Array.from({ length: 20 }, () => setup.authorization.callers.verify(used)));
    assert.equal(replays.filter(({ status }) => status === "fulfilled").length, 1);
  });

  test("the person is sent to sign in, then to prove the accounts, and asked once however often the page is loaded", async () => {
    setup.signOut();
    const pushed = await client.push([detail()]);
    const visit = browser();
    const began = await visit.get(
      `${setup.issuer}/auth?client_id=${encodeURIComponent(client.id)}&request_uri=${encodeURIComponent(String(pushed.body.request_uri))}`,
    );
    const page = String(began.location);
    const next = encodeURIComponent(new URL(page).pathname);
    assert.equal((await visit.get(page)).location, `${setup.issuer}/fr/sign-in?next=${next}`);
    const { personId } = await setup.signIn("newcomer");
    assert.equal((await visit.get(page)).location, `${setup.issuer}/fr/accounts/${holder.id}?next=${next}`);
    await linkAccount(setup.store, personId, holder.id, "c1");
    assert.equal((await visit.get(page)).location, `${setup.issuer}/fr/accounts/${platform.id}?next=${next}`);
    await linkAccount(setup.store, personId, platform.id, "s1");
    const places = await Promise.all(Array.from({ length: 8 }, () => visit.get(page)));
    assert.equal(new Set(places.map(({ location }) => location)).size, 1);
    assert.equal((await setup.store.read((r) => r.consents.list(personId))).length, 1);
    assert.match(String((await visit.get(`${page}/finish`)).location), /\/fr\/permissions\/cst_/, "undecided: back to the question");
    assert.equal((await browser().get(page)).status, 404, "another browser finds nothing");
  });

  test("a refusal reaches the platform as access_denied", async () => {
    await person("refuser");
    const asked = await askConsent();
    await refuseConsent({ store: setup.store, clock }, { consentId: asked.consent.id, personId: asked.consent.personId });
    assert.equal((await comeBack(asked)).get("error"), "access_denied");
  });

  test("another person in the same browser gets their own consent", async () => {
    const visit = browser();
    await person("first");
    await agree(await askConsent({}, visit));
    const second = await person("second");
    const asked = await askConsent({}, visit);
    assert.equal(asked.consent.personId, second);
    assert.ok((await agree(asked)).get("code"));
  });

  test("what a request may not ask", async () => {
    // oxfmt-ignore
    const cases: [name: string, details: unknown, changed: Record<string, string>, error: string][] = [
      ["an unknown member", [detail({ extra: 1 })], {}, "invalid_authorization_details"],
      ["another type", [{ ...detail(), type: "payment" }], {}, "invalid_authorization_details"],
      ["another destination", [detail({ destination: "https://holder.example" })], {}, "invalid_authorization_details"],
      ["an unknown source", [detail({ locations: ["https://nobody.example"] })], {}, "invalid_authorization_details"],
      ["an unknown data set", [detail({ datasets: ["secrets"] })], {}, "invalid_authorization_details"],
      ["an unknown purpose", [detail({ purpose: "https://w3id.org/dpv#Marketing" })], {}, "invalid_authorization_details"],
      ["a source as resource", [detail()], { resource: "https://holder.example" }, "invalid_target"],
      ["another redirect address", [detail()], { redirect_uri: "https://platform.example/callback/x" }, "invalid_request"],
      ["PKCE plain", [detail()], { code_challenge_method: "plain" }, "invalid_request"],
      ["an implicit token", [detail()], { response_type: "token" }, "unsupported_response_type"],
      ["an assertion for the token endpoint", [detail()], { client_assertion: await client.assertion({ aud: `${setup.issuer}/token` }) }, "invalid_client"],
      ["an assertion with a list of audiences", [detail()], { client_assertion: await client.assertion({ aud: [setup.issuer] }) }, "invalid_client"],
      ["an assertion that ended", [detail()], { client_assertion: await client.assertion({ exp: 1 }) }, "invalid_client"],
    ];
    for (const [name, details, changed, error] of cases) {
      const reply = await client.push(details, changed);
      assert.equal(reply.body.error, error, `${name}: ${JSON.stringify(reply.body)}`);
    }
    const unpushed = await browser().get(
      `${setup.issuer}/auth?client_id=${encodeURIComponent(client.id)}&response_type=code&redirect_uri=${encodeURIComponent(CALLBACK)}`,
    );
    assert.ok(unpushed.location === null || new URL(unpushed.location).searchParams.get("error") === "invalid_request", "not pushed");
  });
});

describe("one use only, over two instances of the server and one database", () => {
  const successes = (replies: { status: number }[]) => replies.filter(({ status }) => status < 300).length;
  const spread = <T>(work: (at: string) => Promise<T>) =>
    Promise.all(Array.from({ length: 20 }, (_, index) => work(index % 2 === 0 ? setup.issuer : setup.second)));

  test("20 replays of a client assertion: one succeeds", async () => {
    const assertion = await source.assertion();
    const replies = await spread((at) =>
      source.post("/token/introspection", { token: "x", client_assertion: assertion }, { at, proof: null }),
    );
    assert.equal(successes(replies), 1, JSON.stringify(replies.map(({ body }) => body)));
  });

  test("20 replays of a DPoP proof: one succeeds", async () => {
    await person("prover");
    const asked = await askConsent();
    const consentId = asked.consent.id;
    await agree(asked);
    const worker = await workerClient();
    const form = { grant_type: "urn:relais:params:oauth:grant-type:consent", consent: consentId, resource: holder.entityId };
    const nonce = String((await worker.post("/token", form, { proof: await worker.proof("/token") })).headers.get("dpop-nonce"));
    const proof = await worker.proof("/token", nonce);
    const replies = await spread((at) => worker.post("/token", form, { at, proof }));
    assert.equal(successes(replies), 1, JSON.stringify(replies.map(({ body }) => body)));
  });

  test("20 redemptions of a code: one succeeds, and a late one ends the token that was issued", async () => {
    await person("redeemer");
    const asked = await askConsent();
    const code = String((await agree(asked)).get("code"));
    const replies = await spread((at) => client.exchange(code, asked.verifier, { at }));
    assert.equal(successes(replies), 1, JSON.stringify(replies.map(({ body }) => body)));
    const issued = String(replies.find(({ status }) => status === 200)?.body.access_token);
    assert.equal((await client.exchange(code, asked.verifier)).body.error, "invalid_grant");
    assert.equal((await client.post("/token/introspection", { token: issued }, { proof: null })).body.active, false);
  });
});

async function workerClient(): Promise<PlatformClient> {
  const { kid, privateKey, publicJwk } = setup.worker.current("worker");
  const { signCompact } = await import("../../src/keys/signer.ts");
  const key = {
    kid,
    publicJwk,
    privateKey: privateKey as never,
    sign: async (type: string, payload: object) => signCompact({ kid, privateKey, publicJwk, privateJwk: {} }, type, payload),
  };
  return platformClient(setup.issuer, `${setup.issuer}/worker`, key, CALLBACK);
}

describe("the worker's consent token", () => {
  const tokens = () => createConsentTokens({ issuer: setup.issuer, key: () => setup.worker.current("worker"), fetch: loopbackFetch });
  const bearer = (headers: Record<string, string>) => String(headers.authorization).slice(5);
  const introspect = (who: PlatformClient, value: string) => who.post("/token/introspection", { token: value }, { proof: null });

  test("says to the source what it may give, and nothing to others", async () => {
    const { consent } = await token("worked");
    const held = await tokens().open(consent, holder);
    const url = "https://holder.example/export/datasets/bills";
    const value = bearer(await held.consentHeaders({ method: "GET", url }));
    assert.equal(bearer(await held.consentHeaders({ method: "GET", url })), value, "kept until it ends");
    assert.notEqual(bearer(await held.consentHeaders({ method: "GET", url, renew: true })), value);

    const signed = await source.post(
      "/token/introspection",
      { token: value },
      { proof: null, accept: "application/token-introspection+jwt" },
    );
    const { payload } = await jwtVerify(String(signed.body.text), createRemoteJWKSet(new URL(`${setup.issuer}/.well-known/jwks.json`)), {
      issuer: setup.issuer,
      audience: holder.entityId,
      typ: "token-introspection+jwt",
    });
    const { active, account, aud, client_id, cnf, authorization_details, sub } = payload.token_introspection as Record<string, unknown>;
    assert.deepEqual(
      { active, account, aud, client_id, sub },
      { active: true, account: "customer-worked", aud: holder.entityId, client_id: `${setup.issuer}/worker`, sub: undefined },
    );
    assert.ok((cnf as { jkt?: string }).jkt);
    const [allowed] = authorization_details as Record<string, unknown>[];
    assert.deepEqual({ ...allowed, expires: undefined }, { ...detail({ datasets: ["bills"] }), consent: consent.id, expires: undefined });
    assert.ok(!JSON.stringify(payload).includes("space-worked"), "the destination's name of the account stays with the destination");
    assert.ok(!JSON.stringify(payload).includes("prs_"), "our own name of the person stays with us");

    for (const other of [client, stranger]) assert.deepEqual((await introspect(other, value)).body, { active: false });
  });

  test("is not active from the moment of a withdrawal, and no new one is issued", async () => {
    const { consent, value: own, refresh } = await token("withdrawer");
    const held = await tokens().open(consent, holder);
    const request = { method: "GET", url: "https://holder.example/x" };
    const value = bearer(await held.consentHeaders(request));
    assert.equal((await introspect(source, value)).body.active, true);
    assert.equal((await introspect(client, own)).body.active, true);
    await withdrawConsent({ store: setup.store, clock }, { consentId: consent.id, personId: consent.personId });
    assert.deepEqual((await introspect(source, value)).body, { active: false });
    assert.deepEqual((await introspect(client, own)).body, { active: false });
    await assert.rejects(held.consentHeaders({ ...request, renew: true }), { code: "consent_ended" });
    assert.equal((await client.post("/token", { grant_type: "refresh_token", refresh_token: refresh })).body.error, "invalid_grant");
    const url = `${setup.issuer}/v1/transfers`;
    const dpop = await client.proofs.proof({ method: "GET", url, accessToken: own });
    await assert.rejects(setup.authorization.callers.verify({ authorization: `DPoP ${own}`, dpop, method: "GET", url }), {
      code: "consent_ended",
    });
  });

  test("is not active while the holder excludes the platform, and is again afterwards", async () => {
    const { consent } = await token("excluded");
    const held = await tokens().open(consent, holder);
    const request = { method: "GET", url: "https://holder.example/x" };
    const value = bearer(await held.consentHeaders(request));
    const ports = { store: setup.store, clock, policy, queue: { ring: async () => undefined } };
    const on = { caller: holder.id, holderId: holder.id };
    const excluded = { platformId: platform.id, dataset: "*", reason: { fr: "Essai.", en: "A try." } };
    await excludePlatform(ports, on, excluded);
    assert.deepEqual((await introspect(source, value)).body, { active: false });
    await assert.rejects(held.consentHeaders({ ...request, renew: true }), { code: "condition_unmet" });
    await liftExclusion(ports, on, excluded);
    assert.equal((await introspect(source, value)).body.active, true);
  });

  test("is not active while either end is suspended, and is again afterwards", async () => {
    const { consent } = await token("suspended");
    const held = await tokens().open(consent, holder);
    const request = { method: "GET", url: "https://holder.example/x" };
    const value = bearer(await held.consentHeaders(request));
    for (const end of [holder, platform]) {
      await setup.store.write((w) => w.register.setStatus(end.id, "suspended"));
      assert.deepEqual((await introspect(source, value)).body, { active: false }, end.entityId);
      await assert.rejects(held.consentHeaders({ ...request, renew: true }), { code: "not_accredited" });
      if (end === platform) assert.equal((await client.push([detail()])).body.error, "unauthorized_client");
      await setup.store.write((w) => w.register.setStatus(end.id, "accredited"));
      assert.equal((await introspect(source, value)).body.active, true);
    }
  });

  test("is for the worker alone, for the consent's own source, and needs a proof", async () => {
    const { consent } = await token("grantee");
    const form = { grant_type: "urn:relais:params:oauth:grant-type:consent", consent: consent.id, resource: holder.entityId };
    assert.equal((await client.post("/token", form)).status, 400);
    const worker = await workerClient();
    assert.equal((await worker.post("/token", form)).status, 200);
    assert.equal((await worker.post("/token", { ...form, resource: platform.entityId })).body.error, "invalid_target");
    assert.equal((await worker.post("/token", { ...form, consent: "cst_nothing" })).body.error, "consent_missing");
    assert.equal((await worker.post("/token", form, { proof: null })).status, 400);
  });
});

describe("what the token endpoint and the API refuse (FAPI 2.0)", () => {
  const code = async (subject: string) => {
    await person(subject);
    const asked = await askConsent();
    return { verifier: asked.verifier, code: String((await agree(asked)).get("code")) };
  };

  test("a wrong verifier, another client, a missing proof", async () => {
    const wrongVerifier = await code("verifier");
    assert.equal((await client.exchange(wrongVerifier.code, "x".repeat(43))).body.error, "invalid_grant");
    const stolen = await code("stolen");
    const taken = await thief.exchange(stolen.code, stolen.verifier);
    assert.equal(taken.body.error, "invalid_grant", JSON.stringify(taken.body));
    const unbound = await code("unbound");
    const form = { grant_type: "authorization_code", code: unbound.code, code_verifier: unbound.verifier, redirect_uri: CALLBACK };
    assert.equal((await client.post("/token", form, { proof: null })).status, 400);
    assert.equal((await client.post("/token", form, { proof: await client.proof("/request") })).status, 400, "a proof for another address");
  });

  test("a code bound to one key, redeemed with another", async () => {
    assert.equal(
      (await client.push([detail()], { dpop_jkt: "A".repeat(43) })).body.error,
      "invalid_request",
      "already at the pushed request",
    );
    const { code: value, verifier } = await code("bound");
    const sameClientOtherProofs = await platformClient(setup.issuer, client.id, platformKey, CALLBACK);
    assert.equal((await sameClientOtherProofs.exchange(value, verifier)).body.error, "invalid_grant");
  });

  test("a code older than a minute", async () => {
    const { code: value, verifier } = await code("late");
    await setup.expireRecords("AuthorizationCode");
    assert.equal((await client.exchange(value, verifier)).body.error, "invalid_grant");
  });

  test("a pushed request of another client, or used before", async () => {
    await person("pusher");
    const pushed = await client.push([detail()]);
    const at = (id: string) =>
      `${setup.issuer}/auth?client_id=${encodeURIComponent(id)}&request_uri=${encodeURIComponent(String(pushed.body.request_uri))}`;
    const foreign = await browser().get(at("https://thief.example"));
    assert.ok(foreign.location === null || new URL(foreign.location).searchParams.has("error"), String(foreign.location));
    const visit = browser();
    const decide = await visit.get(String((await visit.get(at(client.id))).location));
    const [, id, next] = /permissions\/(cst_\w+)\/decide\?next=(.*)$/.exec(decide.location ?? "") ?? [];
    const consent = await setup.store.read((r) => r.consents.get(asId("consent", id)));
    await agree({
      visit,
      verifier: pushed.verifier,
      state: pushed.state,
      consent,
      finish: `${setup.issuer}${decodeURIComponent(next ?? "")}`,
    });
    const again = await browser().get(at(client.id));
    assert.ok(again.status >= 400 || new URL(String(again.location)).searchParams.has("error"), `${again.status} ${again.location}`);
  });

  test("a call of the API without a token, with another key, or with a token for a source", async () => {
    const { value, consent } = await token("caller");
    const url = `${setup.issuer}/v1/transfers`;
    const proof = (accessToken: string, key = client) => key.proofs.proof({ method: "POST", url, accessToken });
    const held = await createConsentTokens({ issuer: setup.issuer, key: () => setup.worker.current("worker"), fetch: loopbackFetch }).open(
      consent,
      holder,
    );
    const workers = await held.consentHeaders({ method: "POST", url });
    const calls: [name: string, authorization: string | undefined, dpop: string | undefined][] = [
      ["no token", undefined, await proof(value)],
      ["bearer", `Bearer ${value}`, await proof(value)],
      ["no proof", `DPoP ${value}`, undefined],
      ["another key", `DPoP ${value}`, await proof(value, source)],
      ["a proof for another token", `DPoP ${value}`, await proof("other")],
      ["an unknown token", "DPoP unknown", await proof("unknown")],
      ["the worker's token for a source", workers.authorization, workers.dpop],
    ];
    for (const [name, authorization, dpop] of calls) {
      await assert.rejects(
        setup.authorization.callers.verify({ authorization, dpop, method: "POST", url }),
        { code: "unauthenticated" },
        name,
      );
    }
  });
});

describe("refresh", () => {
  test("gives a platform a new token while the consent stands", async () => {
    const { value, refresh } = await token("refresher");
    const reply = await client.post("/token", { grant_type: "refresh_token", refresh_token: refresh });
    assert.equal(reply.status, 200, JSON.stringify(reply.body));
    assert.notEqual(reply.body.access_token, value);
  });
});

test("nothing failed inside the server", () => assert.deepEqual(setup.reports, []));
