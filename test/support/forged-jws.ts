import { createHmac, createPublicKey, KeyObject, sign as signBytes, type JsonWebKey } from "node:crypto";
import { exportJWK, type JWK } from "jose";
import { testKey, type TestKey } from "./register-fixtures.ts";

/** A compact JWS that must not be believed, and why. */
export type Forgery = readonly [name: string, jws: string];

interface Document {
  key: TestKey;
  type: string;
  claims: object;
  /** Members of every header beside `alg`, `kid` and `typ`. */
  header?: object;
}

const encode = (part: object | Buffer): string => (Buffer.isBuffer(part) ? part : Buffer.from(JSON.stringify(part))).toString("base64url");

/**
 * What public JOSE test vectors and advisories try (security reference §1.6, JWS: `none`, wrong primitive, modified signature and padding, key in the
 * header): each is the given document with one thing wrong in how it is signed.
 */
export async function forgeries({ key, type, claims, header = {} }: Document): Promise<Forgery[]> {
  const own = KeyObject.from(key.privateKey);
  const attacker = await testKey();
  const attackers = KeyObject.from(attacker.privateKey);
  const embedded = await exportJWK(attacker.privateKey).then(({ d: _d, ...jwk }) => jwk);
  const head = (changed: object = {}) => ({ alg: "ES256", kid: key.kid, typ: type, ...header, ...changed });
  const payload = encode(claims);
  const input = (changed: object) => `${encode(head(changed))}.${payload}`;
  const signed = (changed: object, by: KeyObject, dsaEncoding: "ieee-p1363" | "der" = "ieee-p1363") =>
    `${input(changed)}.${encode(signBytes("sha256", Buffer.from(input(changed)), { key: by, dsaEncoding }))}`;
  const hmac = (secret: string | Buffer, alg = "HS256") =>
    `${input({ alg })}.${encode(createHmac("sha256", secret).update(input({ alg })).digest())}`;
  const pem = createPublicKey(own).export({ type: "spki", format: "pem" }).toString();
  const good = signed({}, own);
  const [, , signature = ""] = good.split(".");
  const withSignature = (other: string) => [...good.split(".").slice(0, 2), other].join(".");
  return [
    ["alg none without a signature", `${input({ alg: "none" })}.`],
    ["alg None", `${input({ alg: "None" })}.`],
    ["alg none with the signature", `${input({ alg: "none" })}.${signature}`],
    ["no alg", `${encode({ kid: key.kid, typ: type, ...header })}.${payload}.${signature}`],
    ["HS256 with the public key as PEM", hmac(pem)],
    ["HS256 with the public key as JWK", hmac(JSON.stringify(key.publicJwk))],
    ["HS256 with the public point", hmac(pointOf(key.publicJwk))],
    ["HS256 with an empty secret", hmac("")],
    ["RS256 over the signature of an EC key", signed({ alg: "RS256" }, own)],
    ["PS256 over the signature of an EC key", signed({ alg: "PS256" }, own)],
    ["ES384 by a key of P-256", signed({ alg: "ES384" }, own)],
    ["another key under the same kid", signed({}, attackers)],
    ["another key that the header brings along", signed({ jwk: embedded, kid: undefined }, attackers)],
    ["another key that the header brings along, under the same kid", signed({ jwk: embedded }, attackers)],
    ["another key that the header points to", signed({ jku: "http://127.0.0.1:9/jwks.json", x5u: "http://127.0.0.1:9/cert" }, attackers)],
    ["a critical header that nobody knows", signed({ crit: ["exp"], exp: 1 }, own)],
    ["a payload that is not encoded (b64)", signed({ b64: false, crit: ["b64"] }, own)],
    ["a signature in DER", signed({}, own, "der")],
    ["a signature of zeros", withSignature(encode(Buffer.alloc(64)))],
    ["no signature", withSignature("")],
    ["half a signature", withSignature(signature.slice(0, 43))],
    ["a signature with one bit turned", withSignature(turned(signature))],
    ["another payload under the signature", [good.split(".")[0], encode({ ...claims, forged: true }), signature].join(".")],
    ["another typ", signed({ typ: `${type}x` }, own)],
    ["a JWE", `${encode({ alg: "dir", enc: "A128GCM", zip: "DEF" })}..AAAA.${payload}.AAAA`],
    ["JSON instead of the compact form", JSON.stringify({ payload, protected: encode(head()), signature })],
    ["nothing", ""],
  ];
}

function pointOf({ x, y }: JsonWebKey | JWK): Buffer {
  return Buffer.concat([Buffer.from([4]), Buffer.from(String(x), "base64url"), Buffer.from(String(y), "base64url")]);
}

function turned(signature: string): string {
  const bytes = Buffer.from(signature, "base64url");
  bytes.writeUInt8(bytes.readUInt8(10) ^ 1, 10);
  return encode(bytes);
}
