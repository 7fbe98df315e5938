import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { calculateJwkThumbprint } from "jose";
import type { Participant, PublicJwk } from "../../src/core/register/participant.ts";
import { participantFrom } from "../../src/core/register/participant-metadata.ts";
import { callerOf } from "../../src/http/guards.ts";
import { CALLBACK, detail, startJourney, type Journey } from "../support/authorization-journey.ts";
import { rawRequest } from "../support/raw-request.ts";
import { accreditedParticipant, linkAccount } from "../support/register-fixtures.ts";
import { overTls, selfSigned, startTlsFront, WRITTEN, type TestCertificate, type TlsFront } from "../support/tls-front.ts";

/** RFC 8705 behind a proxy that speaks TLS: the client's certificate proves it, and its tokens are worth nothing with another one. */

let owned: AsyncDisposableStack;
let journey: Journey;
let fronts: { rfc9440: TlsFront; nginx: TlsFront };
let own: TestCertificate;
let mine: TestCertificate;
let other: TestCertificate;
let platform: Participant;

before(async () => {
  owned = new AsyncDisposableStack();
  const folder = owned.adopt(await mkdtemp(join(tmpdir(), "relais-tls-")), (dir) => rm(dir, { recursive: true }));
  [own, mine, other] = [selfSigned(folder, "front"), selfSigned(folder, "mine"), selfSigned(folder, "other")];
  journey = owned.use(
    await startJourney({ certificates: { header: "Client-Cert", proxies: ["127.0.0.1", "10.0.0.0/8"], url: "https://mtls.example" } }),
  );
  const { setup } = journey;
  fronts = {
    rfc9440: owned.use(await startTlsFront(setup.issuer, own, WRITTEN.rfc9440)),
    nginx: owned.use(await startTlsFront(setup.issuer, own, WRITTEN.nginx)),
  };
  const ports = { callers: setup.authorization.callers, issuer: setup.issuer };
  setup.routes.get("/v1/whoami", (req, res, next) => void callerOf(ports, req).then(({ consentId }) => res.json({ consentId }), next));
  platform = await accreditedParticipant(setup.store, {
    entityId: "https://mtls.example",
    roles: ["platform"],
    keys: [await keyOf(mine)],
    client: { redirectUris: [CALLBACK], mutualTls: { authenticates: true, binds: true } },
  });
});
after(() => owned.disposeAsync());

async function keyOf({ jwk, der }: TestCertificate): Promise<PublicJwk> {
  return { ...jwk, kty: "EC", kid: await calculateJwkThumbprint(jwk), x5c: [der] };
}

const post = (path: string, form: Record<string, string>, by: TestCertificate | null = mine, front: TlsFront = fronts.rfc9440) =>
  overTls(front.origin + path, { front: own, by, form: { client_id: platform.entityId, ...form } });
const whoami = (token: string, by: TestCertificate | null, scheme = "Bearer") =>
  overTls(`${fronts.nginx.origin}/v1/whoami`, { front: own, by, method: "GET", headers: { authorization: `${scheme} ${token}` } });

async function tokenOf(subject: string): Promise<Record<string, unknown>> {
  const verifier = randomBytes(32).toString("base64url");
  const form = {
    response_type: "code",
    redirect_uri: CALLBACK,
    state: "s",
    code_challenge_method: "S256",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    authorization_details: JSON.stringify([detail({ destination: platform.entityId })]),
  };
  const personId = await journey.person(subject);
  await linkAccount(journey.setup.store, personId, platform.id, `tls-${subject}`);
  const pushed = await post("/request", form, mine, fronts.nginx);
  assert.equal(pushed.status, 201, JSON.stringify(pushed.body));
  const push = async () => ({ status: 201, body: pushed.body, headers: new Headers(), verifier, state: "s" });
  const asked = await journey.ask({ client: { ...journey.client, id: platform.entityId, push } });
  await journey.allow(asked);
  const code = String((await journey.comeBack(asked)).get("code"));
  const exchange = { grant_type: "authorization_code", code, code_verifier: verifier, redirect_uri: CALLBACK };
  assert.equal((await post("/token", exchange, other)).body["error"], "invalid_client");
  const { status, body } = await post("/token", exchange);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

test("a participant chooses it in its own entity configuration", () => {
  const read = (client: object) =>
    participantFrom({
      entityId: platform.entityId,
      jwt: "",
      keys: [],
      metadata: {
        federation_entity: { organization_name: "Mine" },
        oauth_client: {
          country: "FR",
          privacy_contact: "dpo@mine.example",
          jwks: { keys: [{ ...mine.jwk, kid: "k", x5c: [mine.der] }] },
          ...client,
        },
      },
    });
  const chosen = { token_endpoint_auth_method: "self_signed_tls_client_auth", tls_client_certificate_bound_access_tokens: true };
  assert.deepEqual(read(chosen).client, { redirectUris: [], mutualTls: { authenticates: true, binds: true } });
  assert.deepEqual(read({ redirect_uris: [CALLBACK] }).client, { redirectUris: [CALLBACK] });
  assert.equal(read({}).client, null);
  assert.deepEqual(read(chosen).keys[0]?.["x5c"], [mine.der]);
  const [key] = read({ jwks: { keys: [{ ...mine.jwk, kid: "k", x5c: ["<script>"] }] } }).keys;
  assert.deepEqual([key?.kid, key?.["x5c"]], ["k", undefined], "what is no certificate is left out, and its key stays");
});

test("metadata says so, and where", async () => {
  const metadata = (await (await fetch(`${journey.setup.issuer}/.well-known/oauth-authorization-server`)).json()) as Record<
    string,
    unknown
  >;
  assert.deepEqual(metadata["token_endpoint_auth_methods_supported"], ["private_key_jwt", "self_signed_tls_client_auth"]);
  assert.equal(metadata["tls_client_certificate_bound_access_tokens"], true);
  assert.equal((metadata["mtls_endpoint_aliases"] as Record<string, string>)["token_endpoint"], "https://mtls.example/token");
});

test("a token is bound to the certificate, in introspection and in use", async () => {
  const { access_token, refresh_token, token_type } = await tokenOf("bound");
  const token = String(access_token);
  assert.equal(token_type, "Bearer");
  const { body } = await post("/token/introspection", { token });
  assert.deepEqual([body["active"], body["cnf"]], [true, { "x5t#S256": mine.hash }]);
  assert.equal((await whoami(token, mine)).status, 200);
  assert.equal((await whoami(token, other)).status, 401, "another certificate");
  assert.equal((await whoami(token, null)).status, 401, "no certificate");
  assert.equal((await whoami(token, mine, "DPoP")).status, 401, "it is no DPoP token");
  const plain = await fetch(`${journey.setup.issuer}/v1/whoami`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(plain.status, 401, "past the proxy");
  const refresh = { grant_type: "refresh_token", refresh_token: String(refresh_token) };
  assert.equal((await post("/token", refresh)).status, 200);
  assert.equal((await post("/token", refresh, other)).status, 401);
});

test("nobody else is the client: another certificate, none, an assertion, or a certificate for an assertion", async () => {
  const form = { grant_type: "client_credentials", scope: "register" };
  assert.equal((await post("/token", form)).status, 200);
  assert.equal((await post("/token", form, other)).body["error"], "invalid_client");
  assert.equal((await post("/token", form, null)).body["error"], "invalid_client");
  const asserted = {
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: await journey.client.assertion(),
  };
  assert.equal(
    (await post("/token", { ...form, ...asserted, client_id: journey.client.id }, mine)).status,
    400,
    "who binds to a DPoP key needs its proof",
  );
  assert.equal((await post("/token", { ...form, client_id: journey.client.id }, mine)).body["error"], "invalid_client");
});

test("a DPoP token is not taken as a bearer's, whatever the certificate", async () => {
  const { value } = await journey.token("dpop");
  assert.equal((await whoami(value, mine)).status, 401);
});

test("the header is refused from anybody but the proxy, and what cannot be read is refused", async () => {
  const forged = WRITTEN.rfc9440(Buffer.from(mine.der, "base64"));
  const body = new URLSearchParams({ client_id: platform.entityId, grant_type: "client_credentials", scope: "register" }).toString();
  const call = (path: string, value: string, localAddress: string) =>
    rawRequest(journey.setup.issuer + path, {
      method: path.startsWith("/v1") ? "GET" : "POST",
      localAddress,
      body,
      headers: [
        ["Client-Cert", value],
        ["Content-Type", "application/x-www-form-urlencoded"],
        ["Content-Length", String(body.length)],
        ["Authorization", "Bearer x"],
      ],
    });
  for (const path of ["/token", "/request", "/token/introspection", "/grants/x", "/v1/whoami"])
    assert.equal((await call(path, forged, "127.0.0.2")).status, 403, path);
  for (const value of ["x", ":eA==:", `${forged}, ${forged}`, "%E0%A4%A"])
    assert.equal((await call("/token", value, "127.0.0.1")).status, 400, value);
  const overFront = await overTls(`${fronts.rfc9440.origin}/token`, {
    front: own,
    by: other,
    headers: { "client-cert": forged },
    form: { client_id: platform.entityId, grant_type: "client_credentials", scope: "register" },
  });
  assert.equal(overFront.body["error"], "invalid_client", "the proxy takes away what a client sends under the name");
});

test("nothing failed inside the server", () => assert.deepEqual(journey.setup.reports, []));
