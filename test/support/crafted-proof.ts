import { createHash, randomUUID } from "node:crypto";
import { SignJWT, UnsecuredJWT, type CryptoKey, type JWTPayload } from "jose";
import { testKey, type TestKey } from "./register-fixtures.ts";

/** A proof with any part of it changed; a member that is undefined is left out (RFC 9449 §4.2). */
export interface ProofChange {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  /** Signs, instead of the key that the header names. */
  signedWith?: { privateKey: CryptoKey };
}

export interface ProofCraft {
  key: TestKey;
  proof(request: { method: string; url: string; accessToken?: string; nonce?: string }, change?: ProofChange): Promise<string>;
}

export async function proofCraft(): Promise<ProofCraft> {
  const key = await testKey();
  const { kid: _kid, use: _use, alg: _alg, ...jwk } = key.publicJwk;
  return {
    key,
    proof: async ({ method, url, accessToken, nonce }, { claims = {}, header = {}, signedWith = key } = {}) => {
      const ath = accessToken === undefined ? undefined : createHash("sha256").update(accessToken).digest("base64url");
      const payload = without({ htm: method, htu: url, iat: now(), jti: randomUUID(), ath, nonce, ...claims }) as JWTPayload;
      const whole = without({ alg: "ES256", typ: "dpop+jwt", jwk, ...header });
      if (whole["alg"] === "none") return new UnsecuredJWT(payload).encode();
      if (whole["alg"] === undefined)
        return withHeader(whole, await new SignJWT(payload).setProtectedHeader({ alg: "ES256" }).sign(signedWith.privateKey));
      return new SignJWT(payload).setProtectedHeader(whole as { alg: string }).sign(signedWith.privateKey);
    },
  };
}

export const now = (): number => Math.floor(Date.now() / 1000);

/** The library signs nothing without an algorithm: what it signed gets another header. */
function withHeader(header: object, jws: string): string {
  return [Buffer.from(JSON.stringify(header)).toString("base64url"), ...jws.split(".").slice(1)].join(".");
}

function without(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
