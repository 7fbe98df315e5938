import type { PublicJwk } from "../register/participant.ts";
import { fault } from "./fault.ts";
import { checkTimes, type EntityStatement, type SignedStatements, type TrustMarkOwner } from "./statement.ts";

export const MARK_TYP = "trust-mark+jwt";
export const DELEGATION_TYP = "trust-mark-delegation+jwt";

export interface MarkClaims {
  iss: string;
  sub: string;
  trust_mark_type: string;
  iat: number;
  exp?: number;
  delegation?: string;
  [claim: string]: unknown;
}

interface Expected {
  /** Who shows the mark. */
  subject: string;
  /** The configuration of the anchor in which the issuer is trusted: its lists of issuers and owners. */
  anchor: Pick<EntityStatement, "trustMarkIssuers" | "trustMarkOwners">;
  /** Keys of the mark's issuer, once trust in it stands. @throws RelaisError where it is not trusted. */
  issuerKeys: (issuer: string) => Promise<PublicJwk[]>;
  now: Date;
}

/**
 * Validates a trust mark (OpenID Federation 1.0 §7.3) and its delegation (§7.2.2). Whether it is still active is for its issuer to say.
 * @throws RelaisError `peer_protocol`.
 */
export async function validateTrustMark(signed: SignedStatements, jwt: string, expected: Expected): Promise<MarkClaims> {
  const { kid, claims } = signed.read(jwt);
  const mark = markClaims(claims);
  if (mark.sub !== expected.subject) throw broken("The trust mark was issued for another entity.");
  checkTimes(mark, "The trust mark", expected.now);
  checkIssuer(mark, expected.anchor);
  await verifyNamed(signed, jwt, { kid, type: MARK_TYP, keys: await expected.issuerKeys(mark.iss), what: "trust mark" });
  await checkDelegation(signed, mark, expected);
  return mark;
}

function markClaims(claims: Record<string, unknown>): MarkClaims {
  const texts = ["iss", "sub", "trust_mark_type"].every((name) => typeof claims[name] === "string" && claims[name] !== "");
  if (!texts || !isTime(claims["iat"]) || !(claims["exp"] === undefined || isTime(claims["exp"])))
    throw broken("The trust mark lacks iss, sub, trust_mark_type or iat, or has one in another form.");
  return claims as MarkClaims;
}

const isTime = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value);

/** An empty list lets anyone issue (§3.1.2 `trust_mark_issuers`). A type that the anchor does not name is not recognised in the federation. */
function checkIssuer({ iss, trust_mark_type: type }: MarkClaims, { trustMarkIssuers }: Expected["anchor"]): void {
  const issuers = Object.hasOwn(trustMarkIssuers, type) ? trustMarkIssuers[type] : undefined;
  if (issuers === undefined) throw broken("The trust anchor does not know this type of trust mark.");
  if (issuers.length > 0 && !issuers.includes(iss))
    throw broken("The trust anchor does not let this issuer give trust marks of this type.");
}

async function checkDelegation(signed: SignedStatements, mark: MarkClaims, { anchor, now }: Expected): Promise<void> {
  const owner = Object.hasOwn(anchor.trustMarkOwners, mark.trust_mark_type) ? anchor.trustMarkOwners[mark.trust_mark_type] : undefined;
  if (mark.delegation === undefined) {
    if (owner !== undefined) throw broken("This type of trust mark has an owner, and the mark carries no delegation.");
    return;
  }
  if (owner === undefined || typeof mark.delegation !== "string")
    throw broken("The trust mark carries a delegation of an owner that the trust anchor does not name.");
  const { trust_mark_type: type } = await validateDelegation(signed, mark.delegation, { owner, issuer: mark.iss, now });
  if (type !== mark.trust_mark_type) throw broken("The delegation is for another type of trust mark.");
}

interface Delegation {
  trust_mark_type: string;
  exp?: number;
}

/** By the owner, for this issuer, in time, and signed (§7.2.2). @throws RelaisError `peer_protocol`. */
export async function validateDelegation(
  signed: SignedStatements,
  jwt: string,
  { owner, issuer, now }: { owner: TrustMarkOwner; issuer: string; now: Date },
): Promise<Delegation> {
  const { kid, claims } = signed.read(jwt);
  const delegation = markClaims(claims);
  if (delegation.iss !== owner.sub || delegation.sub !== issuer) throw broken("The delegation is by another owner, or for another issuer.");
  checkTimes(delegation, "The delegation of the trust mark", now);
  await verifyNamed(signed, jwt, { kid, type: DELEGATION_TYP, keys: owner.jwks.keys, what: "delegation" });
  return delegation;
}

async function verifyNamed(
  signed: SignedStatements,
  jwt: string,
  { kid, type, keys, what }: { kid: string | null; type: string; keys: PublicJwk[]; what: string },
): Promise<void> {
  if (kid === null || kid === "") throw broken(`The ${what} names no \`kid\` in its header.`);
  await signed.verify(jwt, { type, keys: keys.filter((key) => key.kid === kid) }).catch((cause: unknown) => {
    throw broken(`The ${what} does not verify with the key that it names.`, cause);
  });
}

function broken(message: string, cause?: unknown) {
  return fault("invalid_trust_chain", message, cause);
}
