import assert from "node:assert/strict";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { test } from "node:test";
import { derOf, rawOf } from "../../src/core/ecdsa-signature.ts";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const joined = { dsaEncoding: "ieee-p1363" } as const;

test("a signature in one form holds in the other, also where a number is short or looks negative", () => {
  const shapes = new Set<string>();
  for (let round = 0; round < 1500; round++) {
    const message = Buffer.from(`message ${round}`);
    const der = sign("sha256", message, privateKey);
    const raw = sign("sha256", message, { key: privateKey, ...joined });
    shapes.add(`${der[3]} ${der[5 + (der[3] as number)]}`);
    assert.ok(verify("sha256", message, { key: publicKey, ...joined }, rawOf(der)));
    assert.ok(verify("sha256", message, publicKey, derOf(raw)));
    assert.deepEqual(Buffer.from(derOf(rawOf(der))), der);
  }
  for (const shape of ["32 32", "32 33", "33 32", "33 33"]) assert.ok(shapes.has(shape), shape);
  assert.ok(
    [...shapes].some((shape) => shape.includes("31")),
    "one with a number of 31 bytes",
  );
});

test("what is no signature holds in neither form", () => {
  const message = Buffer.from("message");
  for (const raw of [new Uint8Array(64), new Uint8Array(64).fill(0xff), new Uint8Array(64).fill(1)])
    assert.equal(verify("sha256", message, publicKey, derOf(raw)), false);
});
