import { createHash, randomUUID } from "node:crypto";
import { calculateJwkThumbprint, EmbeddedJWK, exportJWK, generateKeyPair, jwtVerify, SignJWT, type CryptoKey, type JWK } from "jose";
import { RelaisError } from "../core/errors.ts";
import type { Opening } from "../core/transfer/adapter.ts";

/** A DPoP key (RFC 9449) that lives in memory only. */
export interface ProofKey {
  jkt: string;
  proof: Opening["dpopProof"];
}

export async function newProofKey(): Promise<ProofKey> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwk = await exportJWK(publicKey);
  return { jkt: await calculateJwkThumbprint(jwk), proof: (request) => signProof(privateKey, jwk, request) };
}

function signProof(key: CryptoKey, jwk: JWK, request: Parameters<Opening["dpopProof"]>[0]): Promise<string> {
  const claims = {
    htm: request.method,
    htu: withoutQuery(request.url),
    ...(request.nonce === undefined ? {} : { nonce: request.nonce }),
    ...(request.accessToken === undefined ? {} : { ath: tokenHash(request.accessToken) }),
  };
  return new SignJWT(claims).setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk }).setIssuedAt().setJti(randomUUID()).sign(key);
}

const ALGORITHMS = ["ES256", "PS256", "Ed25519", "EdDSA"];
/** How far a proof's `iat` may be from now. Whoever remembers `jti` keeps it for twice as long. */
export const PROOF_WINDOW_SECONDS = 300;

export interface ExpectedProof {
  method: string;
  url: string;
  accessToken: string;
}

/**
 * Checks a DPoP proof at a protected resource (RFC 9449 §4.3). That `jti` was not used before is for the caller to check.
 * @throws RelaisError `unauthenticated`.
 */
export async function verifyProof(proof: string, expected: ExpectedProof): Promise<{ jkt: string; jti: string }> {
  const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, { algorithms: ALGORITHMS, typ: "dpop+jwt" }).catch(
    (error: unknown) => refuse("is not signed as RFC 9449 says", error),
  );
  const age = Math.abs(Date.now() / 1000 - (payload.iat ?? 0));
  if (age > PROOF_WINDOW_SECONDS) refuse("is too old, or dated in the future");
  if (payload.htm !== expected.method) refuse("is for another method");
  if (typeof payload.htu !== "string" || normalized(payload.htu) !== normalized(expected.url)) refuse("is for another address");
  if (payload.ath !== tokenHash(expected.accessToken)) refuse("is for another access token");
  if (typeof payload.jti !== "string" || payload.jti === "" || payload.jti.length > 256) refuse("has no usable jti");
  return { jkt: await calculateJwkThumbprint(protectedHeader.jwk as JWK), jti: payload.jti };
}

function refuse(flaw: string, cause?: unknown): never {
  throw new RelaisError("unauthenticated", `The DPoP proof ${flaw}. Make a new proof for each request.`, { cause });
}

function tokenHash(accessToken: string): string {
  return createHash("sha256").update(accessToken).digest("base64url");
}

function withoutQuery(url: string): string {
  const parsed = new URL(url);
  parsed.search = "";
  parsed.hash = "";
  return parsed.href;
}

function normalized(url: string): string | null {
  return URL.canParse(url) ? withoutQuery(url) : null;
}
