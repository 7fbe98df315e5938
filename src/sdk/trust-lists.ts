import { SKEW_SECONDS } from "../core/federation/statement.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { TRUST_LIST_TYP, type TrustListClaims } from "../core/register/trust-list.ts";
import { VerificationError } from "./documents.ts";
import { keysAt, readAnchor, sayWhy, type WebFetch } from "./federation-site.ts";
import { signed } from "./signed.ts";

export type { ListedEntity, TrustListClaims } from "../core/register/trust-list.ts";

/** Whom you trust: by keys that you have, then nothing is asked of the network, or by what it publishes. */
export type ListQuestion = { now?: Date } & (
  | { keys: PublicJwk[] }
  | { anchor: { entityId: string; keys?: PublicJwk[] }; fetch?: WebFetch }
);

/**
 * Checks a trust list (docs/register.md): who signed it, and that its time is not over. What it says of somebody may have changed since `iat`:
 * `verifyTrustMark` asks about one mark now.
 * @throws VerificationError
 */
export async function verifyTrustList(jwt: string, question: ListQuestion): Promise<TrustListClaims> {
  const { now = new Date() } = question;
  const { iat, kid } = await sayWhy(async () => ({ iat: Number(signed.read(jwt).claims["iat"]), kid: signed.read(jwt).kid }));
  const keys = await keysFor(question, { kid, at: iat, now });
  const claims = await sayWhy(() => signed.verify(jwt, { type: TRUST_LIST_TYP, keys }));
  if (!isList(claims)) throw new VerificationError("The trust list lacks iss, iat, exp or entities, or has one in another form.");
  if ("anchor" in question && claims.iss !== question.anchor.entityId)
    throw new VerificationError(`The list is that of ${claims.iss}, not of ${question.anchor.entityId}.`);
  const seconds = now.getTime() / 1000;
  if (claims.iat > seconds + SKEW_SECONDS) throw new VerificationError("The list is of a time that has not come.");
  if (claims.exp <= seconds) throw new VerificationError("The time of this list is over. Fetch the present one.");
  return claims;
}

async function keysFor(question: ListQuestion, signedBy: { kid: string | null; at: number; now: Date }): Promise<PublicJwk[]> {
  if ("keys" in question) return question.keys;
  const fetcher = question.fetch ?? fetch;
  return (await keysAt(fetcher, await readAnchor(fetcher, question.anchor, signedBy.now), signedBy)).keys;
}

function isList(claims: Record<string, unknown>): claims is Record<string, unknown> & TrustListClaims {
  const { iss, iat, exp, entities } = claims;
  return (
    typeof iss === "string" && typeof iat === "number" && typeof exp === "number" && Array.isArray(entities) && entities.every(isEntity)
  );
}

function isEntity(value: unknown): boolean {
  const { sub, level, exp, jti } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  return typeof sub === "string" && typeof level === "number" && typeof exp === "number" && typeof jti === "string";
}

/** Whether this is meant to be a trust list. */
export function isTrustList(text: string): boolean {
  try {
    const [header = ""] = text.split(".");
    return (JSON.parse(Buffer.from(header, "base64url").toString("utf8")) as { typ?: unknown }).typ === TRUST_LIST_TYP;
  } catch {
    return false;
  }
}
