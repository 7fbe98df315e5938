import { createHash } from "node:crypto";
import { calculateJwkThumbprint, EmbeddedJWK, type JWK, jwtVerify, type JWTPayload } from "jose";
import { ALGORITHMS, ConsentError } from "../consent-error.ts";

/** How far a proof's `iat` may be from now, either way. */
const WINDOW_SECONDS = 120;

/** Remembers which proofs were used. Several processes of one holder need one store between them: a table with a unique key, or Redis `SET NX`. */
export interface SeenProofs {
  /** True for exactly one call with this id before `until`, also of calls that come at once; false for all others. */
  useOnce(id: string, until: Date): boolean | Promise<boolean>;
}

/**
 * Remembers in the memory of this process alone: another process, or this one after a restart, does not know what was used here.
 * At most so many proofs of the last four minutes, about 150 bytes each; beyond that requests are refused with `proofs_full`, never let through.
 */
export function proofsInMemory(most = 200_000): SeenProofs {
  const used = new Map<string, number>();
  return {
    useOnce: (id, until) => {
      forgetOld(used, Date.now());
      if (used.has(id)) return false;
      if (used.size >= most) throw new ConsentError("proofs_full");
      used.set(id, until.getTime());
      return true;
    },
  };
}

/** Oldest first; what stands behind one that still counts waits for it, which is four minutes at most. */
function forgetOld(used: Map<string, number>, now: number): void {
  for (const [id, until] of used) {
    if (until >= now) return;
    used.delete(id);
  }
}

export interface ProvedRequest {
  method: string;
  url: string;
  token: string;
}

export interface Proof {
  /** RFC 7638 thumbprint of the key that made it. */
  jkt: string;
  /** Names this proof among all. */
  id: string;
  /** Until when it could be shown again. */
  until: Date;
}

/** Reads and checks a DPoP proof at a resource (RFC 9449 §4.3), all but that it is used once. @throws ConsentError `proof_invalid` */
export async function readProof(proof: string, request: ProvedRequest): Promise<Proof> {
  const { payload, jwk } = await verified(proof);
  const flaw = FLAWS.find(([, has]) => has(payload, request));
  if (flaw) throw refused(flaw[0]);
  const jkt = await calculateJwkThumbprint(jwk);
  return { jkt, id: digest(`${jkt} ${payload.jti}`), until: new Date(((payload.iat as number) + WINDOW_SECONDS) * 1000) };
}

async function verified(proof: string): Promise<{ payload: JWTPayload; jwk: JWK }> {
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, { algorithms: ALGORITHMS, typ: "dpop+jwt" });
    return { payload, jwk: protectedHeader.jwk as JWK };
  } catch (cause) {
    throw refused("is not signed as RFC 9449 says", cause);
  }
}

// oxfmt-ignore
const FLAWS: [sentence: string, has: (payload: JWTPayload, request: ProvedRequest) => boolean][] = [
  ["is for another method",          (payload, { method }) => payload["htm"] !== method],
  ["is for another address",         (payload, { url }) => bare(payload["htu"]) === null || bare(payload["htu"]) !== bare(url)],
  ["is too old, or from the future", ({ iat }) => typeof iat !== "number" || Math.abs(Date.now() / 1000 - iat) > WINDOW_SECONDS],
  ["is for another access token",    (payload, { token }) => payload["ath"] !== digest(token)],
  ["has no usable jti",              ({ jti }) => typeof jti !== "string" || jti === "" || jti.length > 256],
];

function refused(flaw: string, cause?: unknown): ConsentError {
  return new ConsentError("proof_invalid", { says: `The DPoP proof ${flaw}. Make a new proof for each request.`, cause });
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}

/** Without query and fragment (RFC 9449 §4.3), in one spelling (RFC 3986 §6.2.2): a percent-encoded letter is that letter. */
function bare(url: unknown): string | null {
  if (typeof url !== "string" || !URL.canParse(url)) return null;
  const { origin, pathname } = new URL(url);
  return origin + pathname.replace(/%[0-9a-f]{2}/gi, unreserved);
}

function unreserved(escape: string): string {
  const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
  return /[A-Za-z0-9._~-]/.test(character) ? character : escape.toUpperCase();
}
