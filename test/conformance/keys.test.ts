import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { verifySignature } from "http-message-sig";
import { calculateJwkThumbprint, compactVerify, CompactSign, exportJWK, generateKeyPair, importJWK, SignJWT, type JWK } from "jose";
import nodeJose from "node-jose";
import type { PublicJwk } from "../../src/core/register/participant.ts";
import type { Receipt } from "../../src/core/transfer/manifest.ts";
import { newProofKey, verifyProof } from "../../src/keys/dpop.ts";
import { openKeyring, type Keyring } from "../../src/keys/keyring.ts";
import { createOpener, createSealer } from "../../src/keys/sealer.ts";
import { createSigner } from "../../src/keys/signer.ts";
import { createVerifier, verifyEntityConfiguration } from "../../src/keys/verifier.ts";

let dir: string;
let web: Keyring;
let worker: Keyring;
const clock = { now: () => new Date() };

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "relais-keys-"));
  [web, worker] = await Promise.all([openKeyring(dir, "web"), openKeyring(dir, "worker")]);
});
after(() => rm(dir, { recursive: true }));

describe("keyring", () => {
  test("private files are readable by their owner only", async () => {
    for (const file of ["web/oauth.json", "web/federation.json", "worker/documents.json", "worker/sealing.json", "web/seed"]) {
      assert.equal((await stat(join(dir, file))).mode & 0o777, 0o600, file);
    }
  });

  test("the key set holds both roles, no private member, no federation key, and kids are RFC 7638 thumbprints", async () => {
    const keys = await web.publicKeys();
    assert.deepEqual(keys, await worker.publicKeys());
    assert.equal(keys.length, 6);
    assert.ok(!keys.some((key) => key.kid === web.current("federation").kid));
    for (const key of keys) {
      assert.equal(key.d, undefined);
      assert.equal(key.kid, await calculateJwkThumbprint(key as JWK));
    }
  });

  test("a process cannot use the other role's keys", () => {
    assert.throws(() => web.current("documents"), /holds no private key/);
    assert.throws(() => worker.current("oauth"), /holds no private key/);
  });

  test("two processes that start at once end with the same keys", async () => {
    const fresh = await mkdtemp(join(tmpdir(), "relais-keys-"));
    const rings = await Promise.all([1, 2, 3, 4].map(() => openKeyring(fresh, "web")));
    assert.equal(new Set(rings.map((ring) => ring.current("oauth").kid)).size, 1);
    assert.equal(new Set(rings.map((ring) => ring.secret("x").toString("hex"))).size, 1);
    await rm(fresh, { recursive: true });
  });

  test("after a rotation the new key signs, and the old one is still published and still opens", async () => {
    const fresh = await mkdtemp(join(tmpdir(), "relais-keys-"));
    const ring = await openKeyring(fresh, "worker");
    const old = ring.current("documents").kid;
    const sealed = await createSealer(ring).seal({ kind: "basic", user: "u", password: "p" });
    await ring.rotate("documents");
    await ring.rotate("sealing");
    assert.notEqual(ring.current("documents").kid, old);
    assert.ok((await ring.publicKeys()).some((key) => key.kid === old));
    const again = await openKeyring(fresh, "worker");
    assert.equal(again.current("documents").kid, ring.current("documents").kid);
    assert.deepEqual(await createOpener(again).open(sealed), { kind: "basic", user: "u", password: "p" });
    await rm(fresh, { recursive: true });
  });
});

describe("rotation with a lead time", () => {
  async function inFolder(work: (dir: string, ring: Keyring) => Promise<void>): Promise<void> {
    const fresh = await mkdtemp(join(tmpdir(), "relais-keys-"));
    await work(fresh, await openKeyring(fresh, "web", "a secret of more than 32 characters, for a test"));
    await rm(fresh, { recursive: true });
  }
  const later = async (ms: number) => new Promise((done) => setTimeout(done, ms));

  test("a key is announced first, and signs when its time has come, in a process that did not restart", async () => {
    await inFolder(async (dir, running) => {
      const old = running.current("federation").kid;
      const operator = await openKeyring(dir, "web", "a secret of more than 32 characters, for a test");
      const next = await operator.rotate("federation", 2);
      assert.equal(running.current("federation").kid, old);
      assert.deepEqual(
        (await running.publicRing("federation")).map(({ kid }) => kid),
        [old, next.kid],
        "announced, after the current one",
      );
      await assert.rejects(running.rotate("federation", 2), { code: "conflict" });
      await later(2100);
      assert.equal(running.current("federation").kid, next.kid);
      const [, ended] = await running.publicRing("federation");
      assert.deepEqual([ended?.kid, Number(ended?.exp)], [old, Number(next.publicJwk.nbf)]);
    });
  });

  test("a revoked key stops signing at once: the announced one takes its place, or a new one, and it leaves the published set", async () => {
    await inFolder(async (_dir, ring) => {
      const first = ring.current("oauth").kid;
      await ring.revoke("oauth", first, "compromised");
      const second = ring.current("oauth").kid;
      assert.notEqual(second, first);
      assert.ok(!(await ring.publicKeys()).some(({ kid }) => kid === first));
      const gone = (await ring.publicRing("oauth")).find(({ kid }) => kid === first);
      assert.equal((gone?.revoked as { reason?: string } | undefined)?.reason, "compromised");
      const next = await ring.rotate("oauth", 3600);
      await ring.revoke("oauth", second, "superseded");
      assert.equal(ring.current("oauth").kid, next.kid);
      const another = await ring.rotate("oauth", 3600);
      await ring.revoke("oauth", another.kid, "unspecified");
      assert.deepEqual(
        [ring.current("oauth").kid, ring.current("oauth").publicJwk.exp],
        [next.kid, undefined],
        "it goes on without an end",
      );
      await assert.rejects(ring.revoke("oauth", "nobody", "superseded"), { code: "not_found" });
    });
  });
});

describe("keyring with a secret", () => {
  test("the files on disk hold no key, and open with the same secret only", async () => {
    const fresh = await mkdtemp(join(tmpdir(), "relais-keys-"));
    const secret = "a secret of more than 32 characters, for a test";
    const ring = await openKeyring(fresh, "worker", secret);
    await ring.rotate("documents");
    for (const file of ["documents.json", "sealing.json", "seed"])
      assert.match(await readFile(join(fresh, "worker", file), "utf8"), /^relais-sealed-1\./);
    assert.equal((await openKeyring(fresh, "worker", secret)).current("documents").kid, ring.current("documents").kid);
    await assert.rejects(openKeyring(fresh, "worker", `${secret}!`), { code: "unavailable" });
    await assert.rejects(openKeyring(fresh, "worker"), { code: "unavailable" });
    await rm(fresh, { recursive: true });
  });
});

describe("sealing", () => {
  test("only the worker opens", async () => {
    const sealed = await createSealer(web).seal({ kind: "none" });
    assert.deepEqual(await createOpener(worker).open(sealed), { kind: "none" });
    await assert.rejects(async () => createOpener(web).open(sealed), /holds no private key/);
    await assert.rejects(createOpener(worker).open(`${sealed.slice(0, -4)}AAAA`), /cannot be opened/);
  });

  test("the sealed text does not hold the password", async () => {
    const sealed = await createSealer(web).seal({ kind: "basic", user: "someone", password: "correct horse" });
    assert.ok(
      !Buffer.from(sealed.split(".")[3] ?? "", "base64url")
        .toString()
        .includes("correct horse"),
    );
    assert.ok(!(await readFile(join(dir, "public/sealing.json"), "utf8")).includes('"d"'));
  });
});

describe("signer", () => {
  test("documents verify with jose and with node-jose", async () => {
    const jws = await createSigner(() => worker.current("documents"), clock).signDocument("self-data-manifest+jwt", { a: "é" });
    const jwk = worker.current("documents").publicJwk;
    const { payload, protectedHeader } = await compactVerify(jws, await importJWK(jwk as JWK, "ES256"));
    assert.deepEqual(JSON.parse(new TextDecoder().decode(payload)), { a: "é" });
    assert.deepEqual(protectedHeader, { alg: "ES256", kid: jwk.kid, typ: "self-data-manifest+jwt" });
    const independent = await nodeJose.JWS.createVerify(await nodeJose.JWK.asKey(jwk)).verify(jws);
    assert.equal(independent.payload.toString(), '{"a":"é"}');
  });

  test("requests carry an RFC 9421 signature that an independent policy accepts", async () => {
    const headers = {
      "content-digest": "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:",
      "content-type": "application/json",
      "idempotency-key": '"trf_1"',
    };
    const request = { method: "POST", url: "https://platform.example/inbox/transfers?x=1" };
    const signed = await createSigner(() => worker.current("documents"), clock).signRequest({ ...request, headers });
    const check = (url: string) => verifyRequest({ ...request, url }, { ...headers, ...signed });
    const { parameters, components } = await check(request.url);
    assert.equal(parameters.tag, "self-data-transfer");
    assert.equal(Number(parameters.expires) - Number(parameters.created), 300);
    assert.deepEqual(
      components.map(({ name }) => name),
      ["@method", "@target-uri", "content-digest", "content-type", "idempotency-key"],
    );
    await assert.rejects(check("https://platform.example/inbox/transfers?x=2"));
  });
});

function verifyRequest(request: { method: string; url: string }, headers: Record<string, string>) {
  const key = createPublicKey({ key: worker.current("documents").publicJwk, format: "jwk" });
  const fields = Object.entries(headers).map(([name, value]) => ({ name, value }));
  return verifySignature(
    { kind: "request", method: request.method, targetUri: request.url, fields },
    {
      label: "relais",
      policy: {
        algorithms: ["ecdsa-p256-sha256"],
        requiredComponents: ["@method", "@target-uri", "content-digest"],
        requiredParameters: ["created", "expires", "nonce", "keyid"],
        maxAge: 300,
        clockSkew: 5,
      },
      resolveVerifier: () => ({
        algorithm: "ecdsa-p256-sha256",
        verify: (data, signature) => verify("sha256", data, { key, dsaEncoding: "ieee-p1363" }, signature),
      }),
    },
  );
}

const RECEIPT: Receipt = {
  iss: "https://platform.example",
  iat: 1_800_000_000,
  transfer: `trf_${"a".repeat(22)}`,
  consent: `cst_${"b".repeat(22)}`,
  source: "https://holder.example",
  destination: "https://platform.example",
  manifest: "A".repeat(43),
  observed: false,
  items: [{ dataset: "bills", key: "1", bytes: 3, "sha-256": "B".repeat(43) }],
  omissions: [],
};

async function foreignKey(alg: string): Promise<{ publicJwk: PublicJwk; sign: (payload: object, header?: object) => Promise<string> }> {
  const pair = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return {
    publicJwk: { ...jwk, kty: String(jwk.kty), kid },
    sign: (payload, header = {}) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
        .setProtectedHeader({ alg, kid, typ: "self-data-receipt+jwt", ...header })
        .sign(pair.privateKey),
  };
}

describe("verifier of receipts", () => {
  for (const alg of ["ES256", "PS256", "Ed25519"]) {
    test(`accepts ${alg}, also where the set holds keys of other kinds`, async () => {
      const signer = await foreignKey(alg);
      const others = [await foreignKey("Ed25519"), await foreignKey("ES384")].map((key) => key.publicJwk);
      assert.deepEqual(
        await createVerifier().verifyReceipt(await signer.sign(RECEIPT), [
          { kty: "AKP", kid: "pq", alg: "ML-DSA-44", pub: "AA" },
          ...others,
          signer.publicJwk,
        ]),
        RECEIPT,
      );
    });
  }

  test("refuses what it must", async () => {
    const [good, other, rsa] = await Promise.all([foreignKey("ES256"), foreignKey("ES256"), foreignKey("RS256")]);
    const keys = [good.publicJwk];
    const { verifyReceipt } = createVerifier();
    const unsigned = `${Buffer.from('{"alg":"none","typ":"self-data-receipt+jwt"}').toString("base64url")}.${Buffer.from(JSON.stringify(RECEIPT)).toString("base64url")}.`;
    const cases: [name: string, jws: string, keys: PublicJwk[]][] = [
      ["another signer", await other.sign(RECEIPT), keys],
      ["another signer under a known kid", await other.sign(RECEIPT, { kid: good.publicJwk.kid }), keys],
      ["another type", await good.sign(RECEIPT, { typ: "self-data-manifest+jwt" }), keys],
      ["RS256", await rsa.sign(RECEIPT), [rsa.publicJwk]],
      ["no signature", unsigned, keys],
      ["a missing member", await good.sign({ ...RECEIPT, manifest: undefined }), keys],
      [
        "a changed payload",
        (await good.sign(RECEIPT)).replace(
          /\.[^.]+\./,
          `.${Buffer.from(JSON.stringify({ ...RECEIPT, items: [] })).toString("base64url")}.`,
        ),
        keys,
      ],
      ["no keys", await good.sign(RECEIPT), []],
      ["not a JWS", "hello", keys],
    ];
    for (const [name, jws, set] of cases) await assert.rejects(verifyReceipt(jws, set), { code: "peer_protocol" }, name);
  });
});

describe("entity configuration", () => {
  const entity = "https://holder.example";
  const claims = async (key: PublicJwk, changed: object = {}) => ({
    iss: entity,
    sub: entity,
    iat: seconds(),
    exp: seconds() + 60,
    jwks: { keys: [key] },
    metadata: { federation_entity: {} },
    ...changed,
  });
  const seconds = () => Math.floor(Date.now() / 1000);
  const typ = { typ: "entity-statement+jwt" };

  test("is verified with its own keys, and refused otherwise", async () => {
    const [own, thief] = await Promise.all([foreignKey("ES256"), foreignKey("ES256")]);
    const parsed = await verifyEntityConfiguration(await own.sign(await claims(own.publicJwk), typ), entity, new Date());
    assert.equal(parsed.keys[0]?.kid, own.publicJwk.kid);
    const refused: [string, string][] = [
      ["another entity", await own.sign(await claims(own.publicJwk, { iss: "https://evil.example" }), typ)],
      ["expired", await own.sign(await claims(own.publicJwk, { exp: seconds() - 1 }), typ)],
      ["future", await own.sign(await claims(own.publicJwk, { iat: seconds() + 3600, exp: seconds() + 7200 }), typ)],
      ["other key", await thief.sign(await claims(own.publicJwk), { ...typ, kid: own.publicJwk.kid })],
      ["other type", await own.sign(await claims(own.publicJwk))],
      ["critical claim", await own.sign(await claims(own.publicJwk, { crit: ["x"] }), typ)],
      [
        "two keys of one kid",
        await own.sign(
          await claims(own.publicJwk, { jwks: { keys: [own.publicJwk, { ...thief.publicJwk, kid: own.publicJwk.kid }] } }),
          typ,
        ),
      ],
    ];
    for (const [name, jwt] of refused)
      await assert.rejects(verifyEntityConfiguration(jwt, entity, new Date()), { code: "peer_protocol" }, name);
  });
});

describe("DPoP", () => {
  test("a proof counts for one method, address and token", async () => {
    const key = await newProofKey();
    const request = { method: "POST", url: "https://relais.example/v1/transfers", accessToken: "t" };
    const proof = await key.proof(request);
    assert.equal((await verifyProof(proof, { ...request, url: "HTTPS://relais.example:443/v1/transfers?a=1" })).jkt, key.jkt);
    for (const changed of [{ method: "GET" }, { url: "https://relais.example/v1/other" }, { accessToken: "u" }]) {
      await assert.rejects(verifyProof(proof, { ...request, ...changed }), { code: "unauthenticated" });
    }
    await assert.rejects(verifyProof("x", request), { code: "unauthenticated" });
  });

  test("a proof of another type, or without its members, is refused", async () => {
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    const jwk = await exportJWK(publicKey);
    const request = { method: "POST", url: "https://relais.example/v1", accessToken: "t" };
    const base = { htm: "POST", htu: request.url, ath: "" };
    const make = (header: object, claims: object) =>
      new SignJWT({ ...base, ...claims })
        .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk, ...header })
        .setIssuedAt()
        .sign(privateKey);
    const privateJwk = await exportJWK(privateKey);
    for (const proof of [
      await make({ typ: "JWT" }, {}),
      await make({ jwk: privateJwk }, {}),
      await make({}, { ath: undefined }),
      await make({}, {}),
    ]) {
      await assert.rejects(verifyProof(proof, request), { code: "unauthenticated" });
    }
  });
});
