import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CompactSign, compactVerify, importJWK, type JWK } from "jose";
import { readPrivateKey } from "../../src/cli/private-key.ts";
import { UsageError } from "../../src/cli/usage-error.ts";
import { importSigningKey } from "../../src/sdk-client/proof-key.ts";

/** Key files of a participant: every kind that is documented signs, and every curve is sealed to. */
let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "private-key-"));
});
after(() => rm(folder, { recursive: true }));

const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const ed25519 = generateKeyPairSync("ed25519");
const x25519 = generateKeyPairSync("x25519");
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });

async function fileOf(key: KeyObject, form: "pem" | "jwk"): Promise<string> {
  const file = join(folder, `key.${form}`);
  await writeFile(
    file,
    form === "pem" ? key.export({ format: "pem", type: "pkcs8" }) : JSON.stringify({ ...key.export({ format: "jwk" }), kid: "named" }),
  );
  return file;
}

test("a key of each documented kind signs what its public half verifies, and proves the participant", async () => {
  const kinds = [
    ["ES256", p256],
    ["Ed25519", ed25519],
    ["PS256", rsa],
  ] as const;
  for (const [alg, { privateKey, publicKey }] of kinds)
    for (const form of ["pem", "jwk"] as const) {
      const key = await readPrivateKey(await fileOf(privateKey, form), "sig");
      assert.equal(key.alg, alg);
      assert.equal(key.kid === "named", form === "jwk");
      const jws = await new CompactSign(Buffer.from("receipt")).setProtectedHeader({ alg }).sign(await importJWK(key, alg));
      const { payload } = await compactVerify(jws, await importJWK(publicKey.export({ format: "jwk" }) as JWK, alg));
      assert.equal(Buffer.from(payload).toString(), "receipt");
      assert.equal((await importSigningKey(key as JsonWebKey)).type, "private");
    }
});

test("each curve that packages are sealed to opens them, and a key for something else is refused by name", async () => {
  for (const { privateKey } of [p256, p384, x25519])
    assert.equal((await readPrivateKey(await fileOf(privateKey, "pem"), "enc")).alg, "ECDH-ES+A256KW");
  const wrong = [
    [p384, "sig"],
    [x25519, "sig"],
    [ed25519, "enc"],
    [rsa, "enc"],
  ] as const;
  for (const [{ privateKey }, use] of wrong)
    await assert.rejects(
      fileOf(privateKey, "pem").then((file) => readPrivateKey(file, use)),
      UsageError,
    );
});
