import { createHash } from "node:crypto";
import { calculateJwkThumbprint, EmbeddedJWK, type JWK, jwtVerify, type JWTPayload } from "jose";
import { RelaisError } from "../../core/errors.ts";

/** How far `iat` may be from now. */
const WINDOW_SECONDS = 120;
const ALGORITHMS = ["ES256", "PS256", "Ed25519", "EdDSA"];

export interface ProvedRequest {
  method: string;
  url: string;
  token: string;
  proof: string;
}

/** Checks DPoP proofs at a resource (RFC 9449 §4.3), each `jti` of a key once. Returns the key's thumbprint. */
export function proofChecker(): (request: ProvedRequest) => Promise<string> {
  const used = new Map<string, number>();
  let sweepAt = 0;
  return async (request) => {
    const { payload, jwk } = await readProof(request.proof);
    refuseFlaws(payload, request);
    const jkt = await calculateJwkThumbprint(jwk);
    const now = Date.now();
    if (now > sweepAt) {
      for (const [name, until] of used) if (until < now) used.delete(name);
      sweepAt = now + 10_000;
    }
    const name = createHash("sha256").update(`${jkt} ${payload.jti}`).digest("base64url");
    if (used.has(name)) throw refused("was used before");
    used.set(name, now + 2 * WINDOW_SECONDS * 1000);
    return jkt;
  };
}

async function readProof(proof: string): Promise<{ payload: JWTPayload; jwk: JWK }> {
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, { algorithms: ALGORITHMS, typ: "dpop+jwt" });
    return { payload, jwk: protectedHeader.jwk as JWK };
  } catch (cause) {
    throw refused("is not signed as RFC 9449 says", cause);
  }
}

// oxfmt-ignore
const FLAWS: [sentence: string, has: (payload: JWTPayload, request: ProvedRequest) => boolean][] = [
  ["is for another method",           (payload, request) => payload["htm"] !== request.method],
  ["is for another address",          (payload, request) => bare(payload["htu"]) === null || bare(payload["htu"]) !== bare(request.url)],
  ["is too old, or from the future",  (payload) => typeof payload.iat !== "number" || Math.abs(Date.now() / 1000 - payload.iat) > WINDOW_SECONDS],
  ["is for another access token",     (payload, request) => payload["ath"] !== createHash("sha256").update(request.token).digest("base64url")],
  ["has no usable jti",               (payload) => typeof payload.jti !== "string" || payload.jti === "" || payload.jti.length > 256],
];

function refuseFlaws(payload: JWTPayload, request: ProvedRequest): void {
  const flaw = FLAWS.find(([, has]) => has(payload, request));
  if (flaw) throw refused(flaw[0]);
}

function refused(flaw: string, cause?: unknown): RelaisError {
  return new RelaisError("unauthenticated", `The DPoP proof ${flaw}. Make a new proof for each request.`, { cause });
}

/** Without query and fragment (RFC 9449 §4.3). */
function bare(url: unknown): string | null {
  if (typeof url !== "string" || !URL.canParse(url)) return null;
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
