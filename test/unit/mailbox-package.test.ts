import assert from "node:assert/strict";
import { createCipheriv, createHash, generateKeyPairSync, randomBytes, randomInt, type JsonWebKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { JWK } from "jose";
import type { Participant } from "../../src/core/register/participant.ts";
import { createPackageSealer } from "../../src/keys/package-sealer.ts";
import type { OwnKey } from "../../src/keys/keyring.ts";
import { sealingKeyOf } from "../../src/core/mailbox/sealing-key.ts";
import { participantFrom } from "../../src/core/register/participant-metadata.ts";
import { openPackage, PackageError, sealPackage, type Opening, type SigningKey } from "../../src/sdk/packages.ts";
import { readPackage } from "../support/package-reader.ts";

/** The format of sealed packages: who seals it, who opens it, and everything that must not open (docs/mailbox.md). */
const CHUNK = 65_536;
const SEALED_CHUNK = CHUNK + 16;

const signing = keyPair("ec", "ES256", "sig");
const platformKey = keyPair("ec", "ECDH-ES+A256KW", "enc");
const [HOLDER, PLATFORM, RELAIS] = ["https://holder.example", "https://platform.example", "https://relais.example"];
const expected = { aud: PLATFORM, consent: "cst_1", transfer: "trf_1", dataset: "energy.bills", key: "2026-01.pdf" };
const opening: Opening = {
  keys: [platformKey.privateJwk],
  keysOf: async (issuer) => ([HOLDER, RELAIS].includes(issuer) ? [signing.publicJwk] : []),
  expected,
};

function keyPair(kind: "ec" | "x25519", alg: string, use: string) {
  const pair = kind === "ec" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("x25519");
  const named = { kid: randomBytes(8).toString("hex"), alg, use };
  const jwk = (key: { export(options: { format: "jwk" }): JsonWebKey }) =>
    ({ ...key.export({ format: "jwk" }), ...named }) as JWK & SigningKey;
  return { ...pair, privateJwk: jwk(pair.privateKey), publicJwk: jwk(pair.publicKey) };
}

async function* pieces(bytes: Uint8Array, size = 10_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function whole(bytes: AsyncIterable<Uint8Array>): Promise<Buffer<ArrayBuffer>> {
  const all: Uint8Array[] = [];
  for await (const piece of bytes) all.push(piece);
  return Buffer.concat(all);
}

function byHolder(plain: Uint8Array, changed: Partial<Parameters<typeof sealPackage>[1]> = {}): Promise<Buffer<ArrayBuffer>> {
  const by = { entityId: HOLDER, key: signing.privateJwk };
  const { consent, dataset, key } = expected;
  const about = { consent, dataset, key, destination: PLATFORM, mediaType: "application/pdf" };
  return whole(sealPackage(pieces(plain), { to: platformKey.publicJwk, by, ...about, ...changed }));
}

function byRelais(plain: Uint8Array, to = platformKey): Promise<Buffer<ArrayBuffer>> {
  const own = { kid: signing.privateJwk.kid, privateKey: signing.privateKey } as OwnKey;
  const sealer = createPackageSealer({ issuer: RELAIS, current: () => own, now: () => new Date() });
  const { aud, consent, transfer, dataset, key } = expected;
  const platform = { name: "P", keys: [to.publicJwk] } as unknown as Participant;
  return whole(sealer.seal(pieces(plain), platform, { jti: "pkg_1", aud, consent, transfer, dataset, key, media_type: "application/pdf" }));
}

async function opened(sealed: Uint8Array, changed: Partial<Opening> = {}): Promise<Buffer> {
  return whole((await openPackage(pieces(sealed, 7919), { ...opening, ...changed })).bytes);
}

const refuses = (sealed: Uint8Array, why: string, changed: Partial<Opening> = {}) =>
  assert.rejects(opened(sealed, changed), PackageError, why);

test("what Relais or a holder seals opens to the same bytes, also for a reader written from the document alone", async () => {
  for (const seal of [byRelais, byHolder])
    for (const length of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17]) {
      const plain = randomBytes(length);
      const sealed = await seal(plain);
      assert.deepEqual(await opened(sealed), plain, `${seal.name} ${length}`);
      assert.deepEqual((await readPackage(sealed, [platformKey.privateJwk])).plain, plain, `${seal.name} ${length}, by the document`);
      assert.ok(!sealed.includes(plain.subarray(0, 24)) || length < 24, "nothing of it shows");
    }
});

test("a key on X25519 is sealed to as well, and measures tell both forms", async () => {
  const other = keyPair("x25519", "ECDH-ES+A256KW", "enc");
  const [plain, sealed] = [randomBytes(100_000), await byRelais(Buffer.alloc(0), other)];
  assert.deepEqual(await opened(sealed, { keys: [platformKey.privateJwk, other.privateJwk] }), Buffer.alloc(0));
  const form = await byHolder(plain);
  const { bytes, claims, measures } = await openPackage(pieces(form), opening);
  assert.equal(measures.plain.sha256, null, "nothing is said before the end");
  await whole(bytes);
  const digest = (of: Uint8Array) => createHash("sha256").update(of).digest("base64url");
  assert.deepEqual(measures, {
    sealed: { bytes: form.length, sha256: digest(form) },
    plain: { bytes: plain.length, sha256: digest(plain) },
  });
  assert.ok(!("cek" in claims), "the content key is not handed on");
});

test("nothing opens that was cut short, exchanged, repeated, added or put together", async () => {
  const plain = randomBytes(3 * CHUNK + 100);
  const sealed = await byRelais(plain);
  const start = sealed.length - (3 * SEALED_CHUNK + 116);
  const chunk = (from: Buffer, number: number) => {
    const first = from.length - (3 * SEALED_CHUNK + 116);
    return from.subarray(first + number * SEALED_CHUNK, Math.min(first + (number + 1) * SEALED_CHUNK, from.length));
  };
  const header = sealed.subarray(0, start);
  const [a, b, c, last] = [0, 1, 2, 3].map((number) => chunk(sealed, number)) as [Buffer, Buffer, Buffer, Buffer];
  const twin = await byRelais(plain);
  const forms: [string, Buffer][] = [
    ["without its last chunk", Buffer.concat([header, a, b, c])],
    ["its header alone", header],
    ["cut within a chunk", sealed.subarray(0, start + 100)],
    ["one byte short", sealed.subarray(0, -1)],
    ["two chunks exchanged", Buffer.concat([header, b, a, c, last])],
    ["a chunk twice", Buffer.concat([header, a, a, b, c, last])],
    ["a chunk left out", Buffer.concat([header, a, c, last])],
    ["one byte more", Buffer.concat([sealed, Buffer.from([0])])],
    ["twice, one behind the other", Buffer.concat([sealed, sealed])],
    ["the last chunk as the only one", Buffer.concat([header, last])],
    ["a chunk of another package", Buffer.concat([header, chunk(twin, 0), b, c, last])],
    ["the header of another package", Buffer.concat([twin.subarray(0, start), a, b, c, last])],
    ["nothing", Buffer.alloc(0)],
    ["another version", Buffer.concat([sealed.subarray(0, 4), Buffer.from([2]), sealed.subarray(5)])],
  ];
  for (const [why, form] of forms) {
    await refuses(form, why);
    await assert.rejects(readPackage(Buffer.from(form), [platformKey.privateJwk]), Error, `${why}, by the document`);
  }
});

test("any one bit that is not as it was is seen", async () => {
  const sealed = await byHolder(randomBytes(CHUNK + 500));
  const headerEnd = 8 + sealed.readUIntBE(5, 3);
  const places = [0, 3, 4, 5, 7, 8, 40, headerEnd - 1, headerEnd, headerEnd + CHUNK, sealed.length - 1];
  for (const at of [...places, ...Array.from({ length: 150 }, () => randomInt(sealed.length))]) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] as number) ^ (1 << randomInt(8));
    await refuses(changed, `byte ${at} of ${sealed.length}`);
  }
});

test("a last chunk is never empty behind others: one content has one form", async () => {
  const one = await byHolder(randomBytes(CHUNK));
  const header = one.subarray(0, 8 + one.readUIntBE(5, 3));
  assert.equal(one.length - header.length, SEALED_CHUNK, "a full last chunk is the last one");
  // What a sealer would have to do wrong: a full chunk that does not say it is the last one, and an empty one that does.
  const { claims, plain } = await readPackage(one, [platformKey.privateJwk]);
  const seal = (chunk: Buffer, number: number, last: number) => {
    const nonce = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number, last]);
    const cipher = createCipheriv("aes-256-gcm", Buffer.from(String(claims["cek"]), "base64url"), nonce);
    cipher.setAAD(createHash("sha256").update(header).digest());
    return Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
  };
  assert.deepEqual(await opened(Buffer.concat([header, seal(plain, 0, 1)])), plain, "as it should be");
  await refuses(Buffer.concat([header, seal(plain, 0, 0), seal(Buffer.alloc(0), 1, 1)]), "an empty last chunk");
});

test("it opens only as the item, consent, transfer and platform that it was sealed for, and by whom it was signed", async () => {
  const sealed = await byRelais(randomBytes(10));
  for (const name of ["aud", "consent", "transfer", "dataset", "key"] as const)
    await refuses(sealed, `another ${name}`, { expected: { ...expected, [name]: "other" } });
  const holders = await byHolder(randomBytes(10));
  await opened(holders, { expected: { ...expected, transfer: "any: the holder does not know it" } });
  await refuses(holders, "another item", { expected: { ...expected, key: "other" } });
  await refuses(sealed, "nobody believes the sealer", { keysOf: async () => [] });
  const stranger = keyPair("ec", "ES256", "sig");
  await refuses(await byHolder(randomBytes(10), { by: { entityId: HOLDER, key: stranger.privateJwk } }), "signed by somebody else");
  await refuses(await byHolder(randomBytes(10), { by: { entityId: "https://else.example", key: signing.privateJwk } }), "in another name");
  await refuses(sealed, "another key", { keys: [keyPair("ec", "ECDH-ES+A256KW", "enc").privateJwk] });
  await refuses(sealed, "another key of the same name", {
    keys: [{ ...keyPair("ec", "ECDH-ES+A256KW", "enc").privateJwk, kid: platformKey.privateJwk.kid }],
  });
});

test("the first bytes come before the last ones are there", async () => {
  const sealed = await byRelais(randomBytes(4 * CHUNK));
  let given = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces(sealed)) {
      given += piece.length;
      yield piece;
    }
  }
  const { bytes } = await openPackage(counted(), opening);
  await bytes.next();
  assert.ok(given < 2 * SEALED_CHUNK + 20_000, `${given} bytes were read for the first chunk`);
});

interface Vector {
  name: string;
  sealed: string;
  plain_bytes: number;
  plain_sha256: string;
  claims: Record<string, unknown>;
}

test("the published test vectors open, in both readers", async () => {
  const file = new URL("../../docs/mailbox-vectors.json", import.meta.url);
  const {
    platform_keys: keys,
    sealer_keys: sealers,
    vectors,
  } = JSON.parse(readFileSync(file, "utf8")) as {
    platform_keys: JWK[];
    sealer_keys: Record<string, JWK[]>;
    vectors: Vector[];
  };
  assert.ok(vectors.length >= 4);
  for (const { name, sealed, plain_bytes, plain_sha256, claims } of vectors) {
    const bytes = Buffer.from(sealed, "base64");
    const { aud, consent, transfer = "trf_any", dataset, key } = claims as Record<string, string>;
    const asked = { aud, consent, transfer, dataset, key } as Opening["expected"];
    const { bytes: plain, claims: found } = await openPackage(pieces(bytes), {
      keys,
      keysOf: async (iss) => sealers[iss] ?? [],
      expected: asked,
    });
    const content = await whole(plain);
    assert.equal(content.length, plain_bytes, name);
    assert.equal(createHash("sha256").update(content).digest("base64url"), plain_sha256, name);
    assert.deepEqual(found, claims, name);
    assert.deepEqual((await readPackage(bytes, keys)).plain, content, name);
  }
});

test("a platform says by `delivery` that it fetches, and then it has no inbox and holds nobody's data sets", () => {
  const described = (platform: object, more: object = {}) =>
    participantFrom({
      entityId: PLATFORM,
      jwt: "",
      keys: [],
      metadata: {
        federation_entity: { organization_name: "P", contacts: ["dpo@platform.example"] },
        oauth_client: { jwks: { keys: [signing.publicJwk, platformKey.publicJwk] } },
        self_data_platform: { country: "FR", ...platform },
        ...more,
      },
    });
  const found = described({ delivery: "mailbox", issuer: PLATFORM });
  assert.equal(found.adapter, "mailbox");
  assert.equal(sealingKeyOf(found).kid, platformKey.publicJwk.kid, "the key for sealing, not the one that signs");
  assert.equal(described({ inbox_endpoint: `${PLATFORM}/inbox` }).adapter, "self-data");
  for (const [platform, more] of [
    [{ delivery: "pigeon" }, {}],
    [{ delivery: "mailbox", inbox_endpoint: `${PLATFORM}/inbox` }, {}],
    [{ delivery: "mailbox" }, { self_data_holder: { country: "FR", datasets: [] } }],
  ] as const)
    assert.throws(() => described(platform, more), { code: "peer_protocol", message: /delivery/ });
});
