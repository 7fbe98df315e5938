import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { JWK } from "jose";
import type { PublicJwk } from "../core/register/participant.ts";
import { thumbprintOf } from "../core/register/public-keys.ts";
import type { SigningKey } from "../sdk/packages.ts";
import { UsageError } from "./usage-error.ts";

const SEALING = "ECDH-ES+A256KW";
/** What a key is for, by its type and curve (docs/mailbox.md). */
const ALGORITHMS: Record<"sig" | "enc", Record<string, string>> = {
  sig: { "EC P-256": "ES256", "OKP Ed25519": "Ed25519", RSA: "PS256" },
  enc: { "EC P-256": SEALING, "EC P-384": SEALING, "EC P-521": SEALING, "OKP X25519": SEALING },
};

/** PEM (PKCS #8) or JWK. Its `kid` is the RFC 7638 thumbprint, as it is published, unless the JWK has one. @throws UsageError. */
export async function readPrivateKey(file: string, use: "sig" | "enc"): Promise<SigningKey> {
  const text = await readFile(file, "utf8").catch(() => {
    throw new UsageError(`The key file ${file} cannot be read.`);
  });
  const { key, kid } = keyIn(text, file);
  const jwk = key.export({ format: "jwk" }) as JWK;
  const kind = jwk.crv === undefined ? String(jwk.kty) : `${jwk.kty} ${jwk.crv}`;
  const alg = ALGORITHMS[use][kind];
  if (alg === undefined) {
    const what = use === "sig" ? "does not sign" : "cannot be sealed to";
    throw new UsageError(`${file} holds a key that ${what} (${kind}). Take one of: ${Object.keys(ALGORITHMS[use]).join(", ")}.`);
  }
  return { ...jwk, kid: kid ?? thumbprintOf(createPublicKey(key).export({ format: "jwk" }) as PublicJwk), use, alg };
}

function keyIn(text: string, file: string): { key: KeyObject; kid: string | undefined } {
  try {
    if (!text.trimStart().startsWith("{")) return { key: createPrivateKey(text), kid: undefined };
    const given = JSON.parse(text) as JsonWebKey & { kid?: string };
    return { key: createPrivateKey({ key: given, format: "jwk" }), kid: given.kid };
  } catch (cause) {
    throw new UsageError(`${file} holds no private key, as PEM (PKCS #8) or JWK.`, { cause });
  }
}
