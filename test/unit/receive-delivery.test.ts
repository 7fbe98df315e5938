import assert from "node:assert/strict";
import { generateKeyPairSync, type JsonWebKey } from "node:crypto";
import { test } from "node:test";
import { CompactSign, importJWK, type JWK } from "jose";
import { payloadOf, sha256, type Manifest, type Receipt } from "../../src/core/transfer/manifest.ts";
import { receiveDelivery, type MailboxCall, type MailboxOwner } from "../../src/sdk/mailbox.ts";
import { sealPackage, type SigningKey } from "../../src/sdk/packages.ts";

/** What a platform keeps of a delivery, and says of it. */
const [HOLDER, PLATFORM, RELAIS] = ["https://holder.example", "https://platform.example", "https://relais.example"];
const DELIVERY = { transfer: "trf_1", consent: "cst_1", subject: "person", source: HOLDER };
const signing = keyOf("ES256", "sig");
const sealing = keyOf("ECDH-ES+A256KW", "enc");

function keyOf(alg: string, use: string) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = (key: { export(options: { format: "jwk" }): JsonWebKey }) =>
    ({ ...key.export({ format: "jwk" }), kid: use, alg, use }) as JWK & SigningKey;
  return { privateJwk: jwk(privateKey), publicJwk: jwk(publicKey) };
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

async function sealed(key: string, text: string): Promise<Buffer> {
  const about = { consent: "cst_1", destination: PLATFORM, dataset: "bills", key, mediaType: "text/plain" };
  const pieces: Uint8Array[] = [];
  for await (const piece of sealPackage(once(text), { to: sealing.publicJwk, by: { entityId: HOLDER, key: signing.privateJwk }, ...about }))
    pieces.push(piece);
  return Buffer.concat(pieces);
}

async function manifestOf(items: Manifest["items"]): Promise<string> {
  const head = { iss: RELAIS, iat: 1_800_000_000, ...DELIVERY, source: HOLDER, destination: PLATFORM };
  return new CompactSign(Buffer.from(JSON.stringify({ ...head, items, omissions: [] })))
    .setProtectedHeader({ alg: "ES256", kid: "sig", typ: "self-data-manifest+jwt" })
    .sign(await importJWK(signing.privateJwk, "ES256"));
}

test("what opens, and is not what the manifest names, is not kept, and the receipt says that it changed", async () => {
  const named = (key: string, text: string) => ({
    dataset: "bills",
    key,
    media_type: "text/plain",
    bytes: text.length,
    "sha-256": sha256(text),
  });
  const manifest = await manifestOf([named("right", "right"), named("wrong", "what was sent")]);
  const packages = new Map([
    ["right", await sealed("right", "right")],
    ["wrong", await sealed("wrong", "another content")],
  ]);
  let receipt = "";
  const call: MailboxCall = async (_, path, sent) => {
    const [, , , , what, id] = path.split("/");
    if (what === "receipt") receipt = String(sent?.body);
    const list = [...packages].map(([key, { length }]) => ({ id: key, dataset: "bills", key, media_type: "text/plain", bytes: length }));
    const bodies: Record<string, string | Buffer> = { manifest, receipt: "{}", packages: JSON.stringify({ packages: list, next: null }) };
    const body = id === undefined ? (bodies[String(what)] as string) : (packages.get(id) as Buffer);
    return new Response(new Uint8Array(Buffer.from(body)), { status: 200 }) as never;
  };
  const owner: MailboxOwner = {
    entityId: PLATFORM,
    sealingKeys: [sealing.privateJwk],
    signingKey: signing.privateJwk,
    keysOf: async () => [signing.publicJwk],
  };
  const kept: string[] = [];
  await receiveDelivery(call, owner, DELIVERY, async ({ key, bytes }) => {
    for await (const _ of bytes);
    kept.push(key);
  });
  assert.deepEqual(kept, ["right"]);
  const { items, omissions } = payloadOf(receipt) as Receipt;
  assert.deepEqual(
    items.map(({ key }) => key),
    ["right"],
  );
  assert.deepEqual(omissions, [{ dataset: "bills", key: "wrong", reason: "changed" }]);
});
