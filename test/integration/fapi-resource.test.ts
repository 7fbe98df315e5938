import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { exportJWK, generateKeyPair } from "jose";
import { callerOf } from "../../src/http/guards.ts";
import { startJourney, type Journey } from "../support/authorization-journey.ts";
import { now, proofCraft, type ProofChange, type ProofCraft } from "../support/crafted-proof.ts";
import { rawRequest, type RawAnswer } from "../support/raw-request.ts";

/** The steps of fapi2-security-profile-final-dpop-negative-tests and of access-token-type-header-case, at the API that our tokens are for. */

let journey: Journey;
let craft: ProofCraft;
let other: ProofCraft;
let token: string;
let url: string;

before(async () => {
  journey = await startJourney();
  const { setup } = journey;
  const ports = { callers: setup.authorization.callers, issuer: setup.issuer };
  setup.routes.get("/v1/whoami", (req, res, next) => void callerOf(ports, req).then(({ consentId }) => res.json({ consentId }), next));
  [craft, other] = [await proofCraft(), await proofCraft()];
  url = `${setup.issuer}/v1/whoami`;
  token = await tokenBoundTo(craft, "caller");
});
after(() => journey[Symbol.asyncDispose]());

/** The pushed request names the key by dpop_jkt alone: binding by dpop_jkt works. */
async function tokenBoundTo({ key, proof }: ProofCraft, subject: string): Promise<string> {
  const { setup, client } = journey;
  await journey.person(subject);
  const asked = await journey.ask({
    form: { dpop_jkt: key.kid },
    client: { ...client, push: (details, form) => client.push(details, form, { proof: null }) },
  });
  await journey.allow(asked);
  const code = String((await journey.comeBack(asked)).get("code"));
  const at = { method: "POST", url: `${setup.issuer}/token` };
  const exchange = (dpop: string) => client.exchange(code, asked.verifier, { proof: dpop });
  const first = await exchange(await proof(at));
  const reply = await exchange(await proof({ ...at, nonce: String(first.headers.get("dpop-nonce")) }));
  assert.equal(reply.status, 200, JSON.stringify(reply.body));
  return String(reply.body.access_token);
}

const good = (change?: ProofChange): Promise<string> => craft.proof({ method: "GET", url, accessToken: token }, change);
const call = (dpop: string | string[] | null, options: { scheme?: string; header?: string; value?: string } = {}) =>
  rawRequest(url, {
    headers: [
      ["Authorization", `${options.scheme ?? "DPoP"} ${options.value ?? token}`],
      ...[dpop ?? []].flat().map((value): [string, string] => [options.header ?? "DPoP", value]),
    ],
  });

type Step = [name: string, send: () => Promise<RawAnswer>, accepted: boolean];

// oxfmt-ignore
const STEPS: Step[] = [
  ["a good proof",                                async () => call(await good()), true],
  ["the header's name in capitals",               async () => call(await good(), { header: "DPOP" }), true],
  ["the scheme in other letters (access-token-type-header-case)", async () => call(await good(), { scheme: "dpop" }), true],
  ["the scheme in capitals",                      async () => call(await good(), { scheme: "DPOP" }), true],
  ["two proofs",                                  async () => call([await good(), await good()]), false],
  ["not a JWT",                                   async () => call("proof"), false],
  ["no typ",                                      async () => call(await good({ header: { typ: undefined } })), false],
  ["another typ",                                 async () => call(await good({ header: { typ: "JWT" } })), false],
  ["no alg",                                      async () => call(await good({ header: { alg: undefined } })), false],
  ["alg none",                                    async () => call(await good({ header: { alg: "none" } })), false],
  ["RS256",                                       async () => call(await rsaProof("RS256")), false],
  ["no jwk",                                      async () => call(await good({ header: { jwk: undefined } })), false],
  ["a private key as jwk",                        async () => call(await good({ header: { jwk: await exportJWK(craft.key.privateKey) } })), false],
  ["a symmetric key as jwk",                      async () => call(await good({ header: { jwk: { kty: "oct", k: "c2VjcmV0" } } })), false],
  ["another key as jwk than the one that signed", async () => call(await good({ signedWith: other.key })), false],
  ["a signature that was changed",                async () => call(changed(await good())), false],
  ["no jti",                                      async () => call(await good({ claims: { jti: undefined } })), false],
  ["no htm",                                      async () => call(await good({ claims: { htm: undefined } })), false],
  ["no htu",                                      async () => call(await good({ claims: { htu: undefined } })), false],
  ["no iat",                                      async () => call(await good({ claims: { iat: undefined } })), false],
  ["no ath",                                      async () => call(await good({ claims: { ath: undefined } })), false],
  ["another htm",                                 async () => call(await good({ claims: { htm: "POST" } })), false],
  ["htm in small letters",                        async () => call(await good({ claims: { htm: "get" } })), false],
  ["htu with query and fragment",                 async () => call(await good({ claims: { htu: `${url}?a=b#c` } })), true],
  ["htu with scheme and host in capitals",        async () => call(await good({ claims: { htu: url.replace("http://", "HTTP://") } })), true],
  ["another path as htu",                         async () => call(await good({ claims: { htu: `${url}/other` } })), false],
  ["another host as htu",                         async () => call(await good({ claims: { htu: "http://other.example/v1/whoami" } })), false],
  ["htu that is a list",                          async () => call(await good({ claims: { htu: [url] } })), false],
  ["iat ten seconds ago",                         async () => call(await good({ claims: { iat: now() - 10 } })), true],
  ["iat ten seconds ahead",                       async () => call(await good({ claims: { iat: now() + 10 } })), true],
  ["iat an hour ago",                             async () => call(await good({ claims: { iat: now() - 3600 } })), false],
  ["iat an hour ahead",                           async () => call(await good({ claims: { iat: now() + 3600 } })), false],
  ["nbf and exp around now (check-dpop-proof-nbf-exp)", async () => call(await good({ claims: { nbf: now() - 5, exp: now() + 60 } })), true],
  ["exp that is past",                            async () => call(await good({ claims: { exp: now() - 60 } })), false],
  ["another ath",                                 async () => call(await good({ claims: { ath: "x".repeat(43) } })), false],
  ["a proof by another key",                      async () => call(await other.proof({ method: "GET", url, accessToken: token })), false],
  ["claims that nobody knows",                    async () => call(await good({ claims: { colour: "blue" } })), true],
  ["no proof",                                    async () => call(null), false],
  ["no proof, and the scheme Bearer",             async () => call(null, { scheme: "Bearer" }), false],
  ["a proof, and the scheme Bearer",              async () => call(await good(), { scheme: "Bearer" }), false],
  ["the token in the address",                    async () => rawRequest(`${url}?access_token=${token}`, { headers: [["DPoP", await good()]] }), false],
  ["another token",                               async () => call(await craft.proof({ method: "GET", url, accessToken: "x".repeat(43) }), { value: "x".repeat(43) }), false],
  ["two tokens",                                  async () => call(await good(), { value: `${token}, DPoP ${token}` }), false],
  ["and then a good proof",                       async () => call(await good()), true],
];

for (const [name, send, accepted] of STEPS)
  test(`${accepted ? "accepted" : "refused"}: ${name}`, async () => {
    const { status, text, headers } = await send();
    assert.match(accepted ? "DPoP " : String(headers["www-authenticate"]), /^DPoP /);
    assert.equal(status, accepted ? 200 : 401, text);
    assert.ok(accepted || !text.includes(token), "a refusal does not repeat the token");
  });

test("refused: the same proof twice, and the same jti in another proof of the key", async () => {
  const once = await good();
  assert.equal((await call(once)).status, 200);
  assert.equal((await call(once)).status, 401);
  assert.equal((await call(await good({ claims: { jti: jtiOf(once) } }))).status, 401);
});

const jtiOf = (jws: string) => (JSON.parse(Buffer.from(String(jws.split(".")[1]), "base64url").toString()) as { jti: string }).jti;

async function rsaProof(alg: "RS256"): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair(alg);
  return good({ header: { alg, jwk: await exportJWK(publicKey) }, signedWith: { privateKey } });
}

function changed(jws: string): string {
  const [header, payload, signature = ""] = jws.split(".");
  const bytes = Buffer.from(signature, "base64url");
  bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
  return [header, payload, bytes.toString("base64url")].join(".");
}
