import { randomDPoPKeyPair } from "openid-client";

/** A DPoP key pair (RFC 9449) as JSON, so that another process can go on. */
export interface KeptKey {
  privateKey: JsonWebKey;
  publicKey: JsonWebKey;
}

/** As `randomDPoPKeyPair` makes it. */
type KeyPair = Awaited<ReturnType<typeof randomDPoPKeyPair>>;

const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;

export function newProofKey(): Promise<KeyPair> {
  return randomDPoPKeyPair("ES256", { extractable: true });
}

export async function keepKey({ privateKey, publicKey }: KeyPair): Promise<KeptKey> {
  return { privateKey: await crypto.subtle.exportKey("jwk", privateKey), publicKey: await crypto.subtle.exportKey("jwk", publicKey) };
}

export async function openKey({ privateKey, publicKey }: KeptKey): Promise<KeyPair> {
  return {
    privateKey: await crypto.subtle.importKey("jwk", privateKey, P256, false, ["sign"]),
    publicKey: await crypto.subtle.importKey("jwk", publicKey, P256, true, ["verify"]),
  };
}

/** What Relais takes client assertions by. */
const SIGNING = {
  ES256: P256,
  PS256: { name: "RSA-PSS", hash: "SHA-256" },
  Ed25519: { name: "Ed25519" },
  EdDSA: { name: "Ed25519" },
} as const;

/** @throws TypeError for a key of another algorithm. */
export function importSigningKey(key: JsonWebKey): Promise<CryptoKey> {
  const algorithm = Object.hasOwn(SIGNING, key.alg ?? "ES256") ? SIGNING[(key.alg ?? "ES256") as keyof typeof SIGNING] : undefined;
  if (algorithm === undefined) throw new TypeError(`A client key is of ${Object.keys(SIGNING).join(", ")}, not of ${key.alg}.`);
  return crypto.subtle.importKey("jwk", key, algorithm, false, ["sign"]);
}
