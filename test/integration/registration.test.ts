import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { decodeJwt, SignJWT } from "jose";
import { PLAIN } from "../support/charter.ts";
import { publishingEntity, type PublishingEntity } from "../support/publishing-entity.ts";
import { testKey } from "../support/register-fixtures.ts";
import { startWholeApp, type WholeApp } from "../support/whole-app.ts";

/** Dynamic registration (RFC 7591) on the product, as a participant and a stranger meet it. */

const CALLBACK = "https://platform.example/callback";
let app: WholeApp;
let entity: PublishingEntity;
let stranger: PublishingEntity;

before(async () => {
  app = await startWholeApp(PLAIN);
  [entity, stranger] = [await publishingEntity(), await publishingEntity()];
  for (const one of [entity, stranger])
    one.publish({ metadata: one.platform({ client: { redirect_uris: [CALLBACK], token_endpoint_auth_method: "private_key_jwt" } }) });
  const joined = await fetch(`${app.origin}/v1/participants`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ entity_id: entity.entityId }),
  });
  assert.ok(joined.ok, await joined.text());
});
after(async () => {
  for (const one of [entity, stranger]) await one[Symbol.asyncDispose]();
  await app[Symbol.asyncDispose]();
});

const text = async (url: string) => (await fetch(url)).text();
async function register(body: object): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`${app.origin}/reg`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

async function markOf(): Promise<string> {
  const { metadata } = decodeJwt(await text(`${app.origin}/.well-known/openid-federation`)) as {
    metadata: Record<string, Record<string, string>>;
  };
  const { rows } = (await app.query("select type from relais.trust_marks limit 1")) as { rows: { type: string }[] };
  const query = new URLSearchParams({ trust_mark_type: String(rows[0]?.type), sub: entity.entityId });
  return text(`${metadata["federation_entity"]?.["federation_trust_mark_endpoint"]}?${query}`);
}

/** The entity's own statement, signed anew, with the chain from it to the anchor. */
async function statementOf(
  of: PublishingEntity,
  { chain, key = of.key, claims = {} }: { chain?: string[]; key?: PublishingEntity["key"]; claims?: object } = {},
): Promise<string> {
  const own = await text(`${of.entityId}/.well-known/openid-federation`);
  const above = await text(`${app.origin}/federation/fetch?${new URLSearchParams({ sub: of.entityId })}`);
  const anchor = await text(`${app.origin}/.well-known/openid-federation`);
  const header = { alg: "ES256", typ: "entity-statement+jwt", kid: of.key.kid, trust_chain: chain ?? [own, above, anchor] };
  return new SignJWT({ ...decodeJwt(own), ...claims }).setProtectedHeader(header).sign(key.privateKey);
}

test("the metadata names the endpoint", async () => {
  const metadata = (await (await fetch(`${app.origin}/.well-known/oauth-authorization-server`)).json()) as Record<string, unknown>;
  assert.equal(metadata["registration_endpoint"], `${app.origin}/reg`);
});

test("a trust mark in force, or the entity's own statement with its chain, gives what the register holds", async () => {
  for (const software_statement of [await markOf(), await statementOf(entity)]) {
    const { status, body } = await register({
      software_statement,
      redirect_uris: [CALLBACK],
      client_name: "Somebody else",
      grant_types: ["password"],
      scope: "everything",
    });
    assert.equal(status, 201, JSON.stringify(body));
    assert.deepEqual([body["client_id"], body["client_name"], body["redirect_uris"]], [entity.entityId, "Nouveau", [CALLBACK]]);
    assert.deepEqual(body["grant_types"], ["authorization_code", "refresh_token", "client_credentials"]);
    assert.ok(!String(body["scope"]).includes("everything"));
    assert.equal(body["software_statement"], software_statement);
    for (const secret of ["client_secret", "registration_access_token"]) assert.equal(body[secret], undefined);
  }
});

test("what makes nobody a client", async () => {
  const other = await testKey();
  const mark = await markOf();
  const [header, payload] = mark.split(".");
  // oxfmt-ignore
  const cases: [name: string, body: () => Promise<object>, error: string][] = [
    ["no statement",                          async () => ({ redirect_uris: [CALLBACK] }), "invalid_software_statement"],
    ["a statement that is no text",           async () => ({ software_statement: { iss: "x" } }), "invalid_software_statement"],
    ["no JWT",                                async () => ({ software_statement: "x" }), "invalid_software_statement"],
    ["a mark with another signature",         async () => ({ software_statement: `${header}.${payload}.${"A".repeat(86)}` }), "invalid_software_statement"],
    ["a mark without a signature (alg none)", async () => ({ software_statement: `${b64({ alg: "none", typ: "trust-mark+jwt" })}.${payload}.` }), "invalid_software_statement"],
    ["another redirect address",              async () => ({ software_statement: mark, redirect_uris: [CALLBACK, "https://evil.example/"] }), "invalid_redirect_uri"],
    ["redirect addresses that are no list",   async () => ({ software_statement: mark, redirect_uris: CALLBACK }), "invalid_client_metadata"],
    ["a statement without its chain",         async () => ({ software_statement: await text(`${entity.entityId}/.well-known/openid-federation`) }), "invalid_software_statement"],
    ["a statement by another key",            async () => ({ software_statement: await statementOf(entity, { key: other }) }), "invalid_software_statement"],
    ["a statement with keys of its own",      async () => ({ software_statement: await statementOf(entity, { key: other, claims: { jwks: { keys: [{ ...other.publicJwk, kid: entity.key.kid }] } } }) }), "invalid_software_statement"],
    ["a chain that ends elsewhere",           async () => ({ software_statement: await statementOf(entity, { chain: ["x", await text(`${stranger.entityId}/.well-known/openid-federation`)] }) }), "invalid_software_statement"],
    ["an entity that is not in the register", async () => ({ software_statement: await statementOf(stranger) }), "invalid_software_statement"],
    ["a statement that is over",              async () => ({ software_statement: await statementOf(entity, { claims: { exp: 1 } }) }), "invalid_software_statement"],
  ];
  const before = await count();
  for (const [name, make, error] of cases) {
    const { status, body } = await register(await make());
    assert.deepEqual([status, body["error"]], [400, error], `${name}: ${JSON.stringify(body)}`);
    assert.equal(typeof body["error_description"], "string");
  }
  assert.deepEqual(await count(), before, "the register is as it was");
});

test("a mark that was suspended or revoked gives nothing", async () => {
  const software_statement = await markOf();
  await app.query("update relais.trust_marks set revoked_at = now()");
  const { status, body } = await register({ software_statement });
  assert.deepEqual([status, body["error"]], [400, "invalid_software_statement"]);
  assert.match(String(body["error_description"]), /revoked/);
});

test("other methods, and bodies that are no JSON", async () => {
  assert.equal((await fetch(`${app.origin}/reg`, { headers: { accept: "application/json" } })).status, 405);
  const broken = await fetch(`${app.origin}/reg`, { method: "POST", headers: { "content-type": "application/json" }, body: "{" });
  assert.equal(broken.status, 400);
  const large = await fetch(`${app.origin}/reg`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ software_statement: "x".repeat(100_000) }),
  });
  assert.equal(large.status, 413);
  const send = (body: string | Uint8Array, headers = {}) =>
    fetch(`${app.origin}/reg`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: body as BodyInit });
  assert.equal((await send("[".repeat(60_000))).status, 400, "deep nesting (security reference §1.6)");
  assert.equal(
    (await send(gzipSync("[".repeat(20_000_000)), { "content-encoding": "gzip" })).status,
    413,
    "a small body that grows (§1.6)",
  );
  assert.equal((await send('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}')).status, 400);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
});

const b64 = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
async function count(): Promise<unknown> {
  return ((await app.query("select count(*) from relais.participants")) as { rows: unknown }).rows;
}
