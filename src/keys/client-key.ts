import { importJWK, type CryptoKey, type JWK } from "jose";
import type { Keyring, OwnKey } from "./keyring.ts";
import { stateOf } from "./rings.ts";

/** One of our keys in the form that WebCrypto clients sign assertions with (RFC 7523). It cannot be exported again. */
export async function clientKey(own: OwnKey): Promise<{ key: CryptoKey; kid: string }> {
  const key = await importJWK({ ...(own.privateJwk as JWK), ext: false }, "ES256");
  return { key: key as CryptoKey, kid: own.kid };
}

/** Our keys to which providers encrypt what they answer, in the same form: also one that is announced, and those of the past; a revoked one opens nothing. */
export async function answerKeys(keyring: Pick<Keyring, "all">): Promise<{ key: CryptoKey; kid: string; alg: string }[]> {
  const usable = keyring.all("answers").filter(({ publicJwk }) => stateOf(publicJwk, 0) !== "revoked");
  return Promise.all(
    usable.map(async ({ privateJwk, kid }) => {
      const key = await importJWK({ ...(privateJwk as JWK), ext: false }, "ECDH-ES");
      return { key: key as CryptoKey, kid, alg: "ECDH-ES" };
    }),
  );
}
