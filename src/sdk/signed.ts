import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK, type JWK } from "jose";
import type { SignedStatements } from "../core/federation/statement.ts";

/** What we accept: `none`, HMAC and RSA with PKCS #1 v1.5 are not among them. */
const ALGORITHMS = ["ES256", "PS256", "Ed25519", "EdDSA"];

/** Compact JWS by jose, for the rules of the core. */
export const signed: SignedStatements = {
  read: (jwt) => ({ kid: decodeProtectedHeader(jwt).kid ?? null, claims: decodeJwt(jwt) }),
  verify: async (jwt, { type, keys }) => {
    const { typ, alg = "", kid } = decodeProtectedHeader(jwt);
    if (typ?.toLowerCase() !== type) throw new TypeError(`its type is ${typ ?? "not stated"}, not ${type}`);
    for (const key of keys.filter((one) => one.kid === kid && one.use !== "enc")) {
      const verified = await importJWK(key as JWK, alg)
        .then((imported) => compactVerify(jwt, imported, { algorithms: ALGORITHMS }))
        .catch(() => null);
      if (verified) return JSON.parse(new TextDecoder().decode(verified.payload)) as Record<string, unknown>;
    }
    throw new TypeError("no published key of its signer made the signature");
  },
};
