import { importJWK, type CryptoKey, type JWK } from "jose";
import type { OwnKey } from "./keyring.ts";

/** One of our keys in the form that WebCrypto clients sign assertions with (RFC 7523). It cannot be exported again. */
export async function clientKey(own: OwnKey): Promise<{ key: CryptoKey; kid: string }> {
  const key = await importJWK({ ...(own.privateJwk as JWK), ext: false }, "ES256");
  return { key: key as CryptoKey, kid: own.kid };
}
