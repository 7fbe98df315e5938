import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { refuseConsent } from "../../src/core/consent/decide-consent.ts";
import { withdrawConsent } from "../../src/core/consent/withdraw-consent.ts";
import { requestTransfer } from "../../src/core/transfer/request-transfer.ts";
import { createConsentTokens } from "../../src/keys/consent-tokens.ts";
import { CALLBACK, detail, startJourney, type Issued, type Journey } from "../support/authorization-journey.ts";
import { clock } from "../support/authorization-server.ts";
import { policy } from "../support/policy.ts";
import { browser, type PlatformClient } from "../support/platform-client.ts";
import { loopbackFetch } from "../support/web-fetch.ts";

/** Grant Management for OAuth 2.0, draft 03, over real HTTP. */

let journey: Journey;
let client: PlatformClient;

before(async () => {
  journey = await startJourney();
  ({ client } = journey);
});
after(() => journey[Symbol.asyncDispose]());

const grantIdOf = ({ reply }: Issued) => String(reply.body["grant_id"]);
const consentOf = (id: Issued["consent"]["id"]) => journey.setup.store.read((r) => r.consents.get(id));

async function call(method: string, grantId: string, { by = client, scope = "grant_management_query grant_management_revoke" } = {}) {
  const { body } = await by.post("/token", { grant_type: "client_credentials", scope });
  const url = `${journey.setup.issuer}/grants/${grantId}`;
  const accessToken = String(body["access_token"]);
  const dpop = await by.proofs.proof({ method, url, accessToken });
  const answer = await fetch(url, { method, headers: { authorization: `DPoP ${accessToken}`, dpop, accept: "application/json" } });
  const text = await answer.text();
  return { status: answer.status, body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown> };
}

const replacing = (grant_id: string) => ({ grant_management_action: "replace", grant_id });

test("the metadata names the endpoint and what it offers", async () => {
  const metadata = (await (await fetch(`${journey.setup.issuer}/.well-known/oauth-authorization-server`)).json()) as Record<
    string,
    unknown
  >;
  assert.equal(metadata["grant_management_endpoint"], `${journey.setup.issuer}/grants`);
  assert.deepEqual(metadata["grant_management_actions_supported"], ["create", "replace", "query", "revoke"]);
  assert.equal(metadata["grant_management_action_required"], false);
});

test("what a pushed request may not say of grants", async () => {
  const mine = await journey.token("mine", { grant_management_action: "create" });
  const id = grantIdOf(mine);
  // oxfmt-ignore
  const cases: [name: string, form: Record<string, string>, error: string, by?: PlatformClient, changed?: object][] = [
    ["merge",                        { grant_management_action: "merge", grant_id: id }, "invalid_request"],
    ["an unknown action",            { grant_management_action: "update", grant_id: id }, "invalid_request"],
    ["create with a grant",          { grant_management_action: "create", grant_id: id }, "invalid_request"],
    ["replace without a grant",      { grant_management_action: "replace" }, "invalid_request"],
    ["a grant without an action",    { grant_id: id }, "invalid_request"],
    ["a grant that never was",       replacing("x".repeat(43)), "invalid_grant_id"],
    ["another client's grant",       replacing(id), "invalid_grant_id", journey.thief, { destination: journey.thief.id }],
    ["replace for another purpose",  replacing(id), "invalid_authorization_details", client, { purpose: "https://w3id.org/dpv#ServiceProvision" }],
  ];
  for (const [name, form, error, by = client, changed = {}] of cases) {
    const { status, body } = await by.push([detail(changed)], form);
    assert.deepEqual([status, body.error], [400, error], `${name}: ${JSON.stringify(body)}`);
  }
});

test("a grant is named in the token response and in each refresh, by a name that says nothing", async () => {
  const issued = await journey.token("named", { grant_management_action: "create" });
  const id = grantIdOf(issued);
  assert.match(id, /^[\w-]{43}$/);
  assert.notEqual(id, issued.consent.id);
  const again = await client.post("/token", { grant_type: "refresh_token", refresh_token: issued.refresh });
  assert.equal(again.body["grant_id"], id);
  const { body } = await client.post("/token", { grant_type: "client_credentials", scope: "register" });
  assert.equal(body["grant_id"], undefined, "no grant, no name");
});

test("its client looks at it, and nobody else", async () => {
  const issued = await journey.token("looked");
  const { status, body } = await call("GET", grantIdOf(issued));
  assert.equal(status, 200, JSON.stringify(body));
  const [granted] = body["authorization_details"] as Record<string, unknown>[];
  assert.deepEqual([granted?.["datasets"], granted?.["consent"]], [["bills"], issued.consent.id]);
  assert.deepEqual(body["scopes"], [{ scope: "transfers", resource: [`${journey.setup.issuer}/v1`] }]);
  assert.equal(body["expires_at"], issued.consent.expiresAt.toISOString());
  const text = JSON.stringify(body);
  for (const secret of ["prs_", "customer-looked", "space-looked", issued.value, issued.refresh]) assert.ok(!text.includes(secret), secret);

  assert.equal((await call("GET", grantIdOf(issued), { by: journey.thief })).status, 404);
  assert.equal((await call("DELETE", grantIdOf(issued), { by: journey.thief })).status, 404);
  assert.equal((await call("GET", "x".repeat(43))).status, 404);
  assert.equal((await call("GET", grantIdOf(issued), { scope: "grant_management_revoke" })).status, 403);
  assert.equal((await call("DELETE", grantIdOf(issued), { scope: "grant_management_query" })).status, 403);
  assert.equal((await call("PUT", grantIdOf(issued))).status, 405);
  const url = `${journey.setup.issuer}/grants/${grantIdOf(issued)}`;
  assert.equal((await fetch(url, { headers: { accept: "application/json" } })).status, 401);
  const dpop = await client.proofs.proof({ method: "GET", url, accessToken: issued.value });
  const byConsentToken = await fetch(url, { headers: { authorization: `DPoP ${issued.value}`, dpop, accept: "application/json" } });
  assert.equal(byConsentToken.status, 401, "a token of the consent is not the client's own");
});

test("a holder, which asks nobody for anything, gets no token for grants", async () => {
  const { body } = await journey.source.post("/token", { grant_type: "client_credentials", scope: "grant_management_query" });
  assert.equal(body.error, "invalid_scope", JSON.stringify(body));
});

test("DELETE ends the consent as revoked by the platform, its tokens, and what moves under it", async () => {
  const { setup, holder } = journey;
  const issued = await journey.token("revoker");
  const ports = { store: setup.store, clock, policy, queue: { ring: async () => undefined } };
  const transfer = await requestTransfer(ports, { consentId: issued.consent.id, personId: issued.consent.personId });
  const held = await createConsentTokens({ issuer: setup.issuer, key: () => setup.worker.current("worker"), fetch: loopbackFetch }).open(
    issued.consent,
    holder,
  );
  const workers = String((await held.consentHeaders({ method: "GET", url: "https://holder.example/x" }))["authorization"]).slice(5);
  const isActive = async (who: PlatformClient, token: string) =>
    (await who.post("/token/introspection", { token }, { proof: null })).body.active;
  assert.deepEqual([await isActive(journey.source, workers), await isActive(client, issued.value)], [true, true]);

  assert.equal((await call("DELETE", grantIdOf(issued))).status, 204);
  const { state, endedBy } = await consentOf(issued.consent.id);
  assert.deepEqual([state, endedBy], ["revoked", "platform"]);
  assert.deepEqual([await isActive(journey.source, workers), await isActive(client, issued.value)], [false, false]);
  assert.equal((await client.post("/token", { grant_type: "refresh_token", refresh_token: issued.refresh })).body.error, "invalid_grant");
  const stopped = await setup.store.read((r) => r.transfers.get(transfer.id));
  assert.deepEqual([stopped.state, stopped.reason, stopped.actor], ["cancelled", "consent_ended", "platform"]);
  assert.equal((await call("GET", grantIdOf(issued))).status, 404);
  assert.equal((await call("DELETE", grantIdOf(issued))).status, 404);
});

test("a withdrawal by the person ends the grant too", async () => {
  const issued = await journey.token("withdrawn");
  await withdrawConsent({ store: journey.setup.store, clock }, { consentId: issued.consent.id, personId: issued.consent.personId });
  assert.equal((await call("GET", grantIdOf(issued))).status, 404);
  assert.equal((await client.push([detail()], replacing(grantIdOf(issued)))).body.error, "invalid_grant_id");
});

describe("replace", () => {
  test("the person's yes puts the new consent in the place of the old one, under the same name", async () => {
    const first = await journey.token("replacer");
    const asked = await journey.ask({ detail: { datasets: ["readings"] }, form: replacing(grantIdOf(first)) });
    assert.equal(asked.consent.supersedes, first.consent.id);
    assert.equal((await consentOf(first.consent.id)).state, "active", "until the person answers");
    await journey.allow(asked, ["readings"]);
    const reply = await client.exchange(String((await journey.comeBack(asked)).get("code")), asked.verifier);
    assert.equal(reply.status, 200, JSON.stringify(reply.body));
    assert.equal(reply.body["grant_id"], grantIdOf(first));
    assert.deepEqual([(await consentOf(first.consent.id)).state, (await consentOf(asked.consent.id)).state], ["superseded", "active"]);
    const { body } = await call("GET", grantIdOf(first));
    assert.deepEqual((body["authorization_details"] as Record<string, unknown>[])[0]?.["datasets"], ["readings"]);
    const old = await client.post("/token/introspection", { token: first.value }, { proof: null });
    const [allowed] = (old.body["authorization_details"] ?? []) as Record<string, unknown>[];
    assert.deepEqual(allowed?.["datasets"], ["readings"], "what was issued before says what is allowed today");
  });

  test("the person's no leaves the old one as it was", async () => {
    const first = await journey.token("refuser");
    const asked = await journey.ask({ detail: { datasets: ["readings"] }, form: replacing(grantIdOf(first)) });
    await refuseConsent({ store: journey.setup.store, clock }, { consentId: asked.consent.id, personId: asked.consent.personId });
    assert.equal((await journey.comeBack(asked)).get("error"), "access_denied");
    assert.equal((await consentOf(first.consent.id)).state, "active");
    assert.equal((await call("GET", grantIdOf(first))).status, 200);
    assert.equal((await client.post("/token/introspection", { token: first.value }, { proof: null })).body.active, true);
  });

  test("another person in front of the screen replaces nothing", async () => {
    const first = await journey.token("owner");
    await journey.person("stranger");
    const pushed = await client.push([detail({ datasets: ["readings"] })], replacing(grantIdOf(first)));
    const visit = browser();
    const page = await visit.get(String((await visit.get(journey.authorizeUrl(pushed.body.request_uri))).location));
    const back = await visit.get(String(page.location));
    assert.ok(String(back.location).startsWith(`${CALLBACK}?error=access_denied`), `${page.location} ${back.location}`);
    assert.equal((await consentOf(first.consent.id)).state, "active");
  });
});

test("nothing failed inside the server", () => assert.deepEqual(journey.setup.reports, []));
