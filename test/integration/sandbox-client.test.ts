import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  allowInsecureRequests,
  buildAuthorizationUrlWithPAR,
  calculatePKCECodeChallenge,
  clientCredentialsGrant,
  discovery,
  fetchProtectedResource,
  getDPoPHandle,
  PrivateKeyJwt,
  randomDPoPKeyPair,
  randomPKCECodeVerifier,
} from "openid-client";
import { browser } from "../support/platform-client.ts";
import { startRelais, type RunningRelais } from "../support/relais.ts";

/** A program of somebody else at a started product: `relais sandbox client create`, then nothing but openid-client. */

const CLI = new URL("../../src/cli/relais.ts", import.meta.url).pathname;
const CALLBACK = "https://suite.example/callback";
let relais: RunningRelais;

before(async () => {
  relais = await startRelais({ withSolid: false });
});
after(() => relais[Symbol.asyncDispose]());

function cli(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, RELAIS_DATA_DIR: relais.dataDir };
  return new Promise((done) =>
    execFile(process.execPath, [CLI, ...words], { env }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code ?? 134), out, err }),
    ),
  );
}

interface Client {
  issuer: string;
  client_id: string;
  redirect_uris: string[];
  scope: string;
  authorization_details: object[];
  jwks: { keys: (JsonWebKey & { kid: string; alg: string })[] };
}

async function keyOf({ jwks }: Client, alg: string): Promise<{ key: CryptoKey; kid: string }> {
  const jwk = jwks.keys.find((one) => one.alg === alg) as Client["jwks"]["keys"][number];
  const { alg: _alg, use: _use, ...bare } = jwk;
  const algorithm = alg === "ES256" ? { name: "ECDSA", namedCurve: "P-256" } : { name: "RSA-PSS", hash: "SHA-256" };
  return { key: await crypto.subtle.importKey("jwk", bare, algorithm, false, ["sign"]), kid: jwk.kid };
}

async function clientAt(made: Client, alg: string) {
  return discovery(new URL(made.issuer), made.client_id, undefined, PrivateKeyJwt(await keyOf(made, alg)), {
    algorithm: "oauth2",
    execute: [allowInsecureRequests],
  });
}

/** Its own token with each of its keys, and a pushed request that leads a person to where they sign in. */
async function useIt(made: Client): Promise<void> {
  for (const alg of ["ES256", "PS256"]) {
    const configuration = await clientAt(made, alg);
    const DPoP = getDPoPHandle(configuration, await randomDPoPKeyPair("ES256"));
    const { access_token: token, token_type: type } = await clientCredentialsGrant(
      configuration,
      { scope: "register", resource: `${made.issuer}/v1` },
      { DPoP },
    );
    assert.equal(type, "dpop");
    const me = await fetchProtectedResource(configuration, token, new URL(`${made.issuer}/v1/me`), "GET", undefined, undefined, { DPoP });
    assert.equal(me.status, 200);
    assert.equal(((await me.json()) as { kind: string }).kind, "participant");
  }
  const configuration = await clientAt(made, "ES256");
  const url = await buildAuthorizationUrlWithPAR(configuration, {
    redirect_uri: String(made.redirect_uris[0]),
    code_challenge: await calculatePKCECodeChallenge(randomPKCECodeVerifier()),
    code_challenge_method: "S256",
    authorization_details: JSON.stringify(made.authorization_details),
    state: "state",
  });
  const visit = browser();
  const page = await visit.get(String((await visit.get(url.href)).location));
  assert.match(String(page.location), /\/sign-in\?next=/);
}

let made: Client;

test("--json prints an accredited client; openid-client gets tokens as it", async () => {
  const { code, out, err } = await cli("sandbox", "client", "create", "--json", "--redirect-uri", CALLBACK);
  assert.equal(code, 0, err);
  made = JSON.parse(out) as Client;
  assert.deepEqual([made.issuer, made.redirect_uris], [relais.url, [CALLBACK]]);
  for (const { kid, d } of made.jwks.keys) assert.ok(kid !== "" && d !== undefined);
  await useIt(made);
  const { participants } = (await (await fetch(`${relais.url}/v1/participants`)).json()) as {
    participants: { entity_id: string; status: string }[];
  };
  assert.equal(participants.find(({ entity_id }) => entity_id === made.client_id)?.status, "accredited");
});

test("--out writes the same to a new file that only its owner can read, and prints no key", async () => {
  const file = join(relais.dataDir, "client.json");
  const { code, out, err } = await cli("sandbox", "client", "create", "--out", file);
  assert.equal(code, 0, err);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const written = JSON.parse(await readFile(file, "utf8")) as Client;
  assert.ok(out.includes(written.client_id));
  for (const { d } of written.jwks.keys) assert.ok(!out.includes(String(d)));
  const digest = createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
  assert.equal((await cli("sandbox", "client", "create", "--out", file)).code, 2, "it is not overwritten");
  assert.equal(
    createHash("sha256")
      .update(await readFile(file))
      .digest("hex"),
    digest,
  );
});

test("what is refused", async () => {
  assert.equal((await cli("sandbox", "client", "create")).code, 2, "keys go nowhere");
  assert.equal((await cli("sandbox", "client", "create", "--json", "--out", "x")).code, 2, "keys go to one place");
  const send = (body: string, headers = {}) =>
    fetch(`${relais.sandbox.home}/clients`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
  const keys = made.jwks.keys;
  assert.equal((await send("{")).status, 400);
  assert.equal((await send(JSON.stringify({ redirect_uris: [CALLBACK] }))).status, 400);
  assert.equal(
    (await send(JSON.stringify({ redirect_uris: [CALLBACK], jwks: { keys } }))).status >= 400,
    true,
    "private keys are not taken",
  );
  assert.equal(
    (await send(JSON.stringify({ redirect_uris: [CALLBACK], jwks: { keys: [] } }), { origin: "https://evil.example" })).status,
    403,
  );
});

test("it is the same client after a restart", async () => {
  await relais.restart();
  await useIt(made);
});
