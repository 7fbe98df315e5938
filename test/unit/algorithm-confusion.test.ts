import assert from "node:assert/strict";
import { before, test } from "node:test";
import { createLocalJWKSet, SignJWT, type JWTPayload } from "jose";
import { newId } from "../../src/core/ids.ts";
import { RECEIPT_TYPE, sha256 } from "../../src/core/transfer/manifest.ts";
import { createVerifier, signedStatements, verifyEntityConfiguration } from "../../src/keys/verifier.ts";
import { verifyProof } from "../../src/keys/dpop.ts";
import { signedByRelais } from "../../src/sdk/consent/relais-keys.ts";
import { readProof } from "../../src/sdk/consent/proof.ts";
import { verifyDocument } from "../../src/sdk/documents.ts";
import { signed } from "../../src/sdk/signed.ts";
import { forgeries } from "../support/forged-jws.ts";
import { testKey, type TestKey } from "../support/register-fixtures.ts";

/**
 * JWS algorithm confusion, `none`, wrong primitive (security reference §1.6): every verifier that Relais and its SDK have, but for those at a server's
 * address, which are tried over HTTP (fapi-server, fapi-resource, registration). Manifests, receipts of consents, trust lists and security events are
 * verified by the same functions as what stands here.
 */

const RELAIS = "https://relais.test";
const PLATFORM = "https://platform.test";
let key: TestKey;
before(async () => void (key = await testKey()));

const seconds = () => Math.floor(Date.now() / 1000);
const receipt = () => ({
  iss: PLATFORM,
  iat: seconds(),
  transfer: newId("transfer"),
  consent: newId("consent"),
  source: "https://holder.test",
  destination: PLATFORM,
  manifest: sha256("manifest"),
  observed: false,
  items: [{ dataset: "energy.bills", key: "a", bytes: 1, "sha-256": sha256("a") }],
  omissions: [],
});
const mark = () => ({ iss: RELAIS, sub: PLATFORM, trust_mark_type: `${RELAIS}/charter/2026-11`, iat: seconds(), exp: seconds() + 60 });
const statement = () => ({
  iss: PLATFORM,
  sub: PLATFORM,
  iat: seconds(),
  exp: seconds() + 60,
  jwks: { keys: [key.publicJwk] },
  metadata: {},
});
const list = () => ({ sub: `${RELAIS}/status-lists/1`, iat: seconds(), status_list: { bits: 2, lst: "" } });
const event = () => ({ iss: RELAIS, aud: PLATFORM, iat: seconds(), jti: "e", events: { "https://relais.test/events/x": {} } });
const proof = () => ({ htm: "GET", htu: `${RELAIS}/v1/x`, iat: seconds(), jti: crypto.randomUUID(), ath: sha256("token") });
const keys = () => [key.publicJwk];
const relaisKeys = () => createLocalJWKSet({ keys: keys() });
const proofHeader = () => ({ jwk: { kty: "EC", crv: "P-256", x: key.publicJwk["x"], y: key.publicJwk["y"] } });

interface Verifier {
  name: string;
  type: string;
  claims: () => object;
  verify: (jws: string) => Promise<unknown>;
  header?: () => object;
}

// oxfmt-ignore
const VERIFIERS: Verifier[] = [
  { name: "a destination's receipt",              type: RECEIPT_TYPE, claims: receipt, verify: (jws) => createVerifier().verifyReceipt(jws, keys()) },
  { name: "a receipt, by the SDK",                type: RECEIPT_TYPE, claims: receipt, verify: (jws) => verifyDocument(jws, async () => keys()) },
  { name: "an entity's configuration",            type: "entity-statement+jwt", claims: statement, verify: (jws) => verifyEntityConfiguration(jws, PLATFORM, new Date()) },
  { name: "a statement of a chain",               type: "entity-statement+jwt", claims: statement, verify: (jws) => signedStatements.verify(jws, { type: "entity-statement+jwt", keys: keys() }) },
  { name: "a trust mark",                         type: "trust-mark+jwt", claims: mark, verify: (jws) => signedStatements.verify(jws, { type: "trust-mark+jwt", keys: keys() }) },
  { name: "a trust mark, by the SDK",             type: "trust-mark+jwt", claims: mark, verify: (jws) => signed.verify(jws, { type: "trust-mark+jwt", keys: keys() }) },
  { name: "a status list, by the SDK",            type: "statuslist+jwt", claims: list, verify: (jws) => signed.verify(jws, { type: "statuslist+jwt", keys: keys() }) },
  { name: "a receipt of a consent, by the SDK",   type: "consent-receipt+jwt", claims: receipt, verify: (jws) => signed.verify(jws, { type: "consent-receipt+jwt", keys: keys() }) },
  { name: "a signed introspection, by the SDK",   type: "token-introspection+jwt", claims: event, verify: (jws) => signedByRelais(jws, relaisKeys(), { typ: "token-introspection+jwt", broken: "relais_unavailable" }) },
  { name: "a JWT access token, by the SDK",       type: "at+jwt", claims: event, verify: (jws) => signedByRelais(jws, relaisKeys(), { typ: "at+jwt", broken: "relais_unavailable" }) },
  { name: "a security event",                     type: "secevent+jwt", claims: event, verify: (jws) => signedStatements.verify(jws, { type: "secevent+jwt", keys: keys() }) },
  { name: "a DPoP proof",                         type: "dpop+jwt", claims: proof, header: proofHeader, verify: (jws) => verifyProof(jws, { method: "GET", url: `${RELAIS}/v1/x`, accessToken: "token" }) },
  { name: "a DPoP proof, by the SDK",             type: "dpop+jwt", claims: proof, header: proofHeader, verify: (jws) => readProof(jws, { method: "GET", url: `${RELAIS}/v1/x`, token: "token" }) },
];

/** A proof brings its own key: what another key signed is that key's proof, and is refused where its token is bound to another. */
const OWN_KEY = /^another key that the header brings along/;

for (const { name, type, claims, verify, header } of VERIFIERS)
  test(name, async () => {
    const document = { key, type, claims: claims(), ...(header ? { header: header() } : {}) };
    const good = await signCompact(document);
    await verify(good);
    for (const [why, jws] of await forgeries(document)) {
      if (header !== undefined && OWN_KEY.test(why)) continue;
      const outcome = await verify(jws).then(
        () => "believed",
        () => "refused",
      );
      assert.equal(outcome, "refused", why);
    }
  });

async function signCompact({ type, claims, header = {} }: { type: string; claims: object; header?: object }): Promise<string> {
  return new SignJWT(claims as JWTPayload).setProtectedHeader({ alg: "ES256", kid: key.kid, typ: type, ...header }).sign(key.privateKey);
}
