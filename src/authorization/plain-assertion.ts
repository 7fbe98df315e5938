import { createPublicKey, verify, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { z } from "zod";
import { derOf } from "../core/ecdsa-signature.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { CLOCK_SECONDS, LONGEST_SECONDS, TYPES } from "./client-assertion.ts";

/** A client's assertion of the most usual kind (RFC 7523), read but not verified. */
export interface PlainAssertion {
  iss: string;
  jti: string;
  exp: number;
  kid: string;
  /** What was signed, and by what. */
  input: Buffer;
  signature: Buffer;
}

/** RFC 7515 §7.1: three parts in base64url, and nothing that a lenient decoder would overlook. */
const COMPACT = /^([\w-]{2,2000})\.([\w-]{2,4000})\.([\w-]{86})$/;
const Header = z.object({
  alg: z.literal("ES256"),
  kid: z.string(),
  typ: z
    .string()
    .refine((typ) => TYPES.includes(typ.toLowerCase()))
    .optional(),
  crit: z.never().optional(),
});
const Claims = z.object({
  iss: z.string().regex(/^https?:\/\/[!-~]{1,1000}$/),
  sub: z.string(),
  aud: z.string(),
  jti: z.string().min(1),
  exp: z.number(),
  iat: z.number().optional(),
  nbf: z.number().optional(),
});

/** Null where it is not all that the library and `checkAssertion` ask for, so that nobody has to ask them. `now` in seconds. */
export function readPlainAssertion(compact: string, { issuer, now }: { issuer: string; now: number }): PlainAssertion | null {
  const [, first = "", second = "", third = ""] = COMPACT.exec(compact) ?? [];
  const header = Header.safeParse(jsonIn(first)).data;
  const claims = Claims.safeParse(jsonIn(second)).data;
  if (!header || !claims) return null;
  const { iss, sub, aud, jti, exp, iat = now, nbf = now } = claims;
  const isTimely = Math.max(iat, nbf) <= now + CLOCK_SECONDS && exp > now && exp <= now + LONGEST_SECONDS;
  if (sub !== iss || aud !== issuer || iss.startsWith(`${issuer}/`) || !isTimely) return null;
  return { iss, jti, exp, kid: header.kid, input: Buffer.from(`${first}.${second}`), signature: Buffer.from(third, "base64url") };
}

function jsonIn(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString());
  } catch {
    return null;
  }
}

/** Whether a client's keys made it. A key is kept as it is used, for as long as what was read of its client is remembered. */
export function assertionVerifier(): (assertion: PlainAssertion, keys: readonly PublicJwk[]) => Promise<boolean> {
  const known = new WeakMap<PublicJwk, KeyObject>();
  return async ({ kid, input, signature }, keys) => {
    const [jwk, ...others] = keys.filter((key) => key.kid === kid);
    const isUsable = jwk?.kty === "EC" && jwk["crv"] === "P-256" && jwk.use !== "enc" && (jwk.alg ?? "ES256") === "ES256";
    if (jwk === undefined || others.length > 0 || !isUsable) return false;
    const key = known.get(jwk) ?? createPublicKey({ key: jwk, format: "jwk" });
    known.set(jwk, key);
    return verifyElsewhere("sha256", input, key, derOf(signature));
  };
}

/** On another thread. */
const verifyElsewhere = promisify(verify);
