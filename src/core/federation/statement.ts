import type { PublicJwk } from "../register/participant.ts";
import { fault } from "./fault.ts";

/** Reads and verifies compact JWS: the core decides what must hold, a library outside does the mathematics. */
export interface SignedStatements {
  /** What it claims, with nothing verified. @throws RelaisError where it is no JWT. */
  read(jwt: string): { kid: string | null; claims: Record<string, unknown> };
  /** The payload, where one of these keys signed it with this `typ`. @throws RelaisError. */
  verify(jwt: string, expected: { type: string; keys: PublicJwk[] }): Promise<Record<string, unknown>>;
}

/** By entity type; a member is never null (§5). */
export type Metadata = Record<string, Record<string, unknown>>;

export interface Constraints {
  max_path_length?: number;
  naming_constraints?: { permitted?: string[]; excluded?: string[] };
  allowed_entity_types?: string[];
}

export interface TrustMarkOwner {
  sub: string;
  jwks: { keys: PublicJwk[] };
}

/** An entity configuration or a subordinate statement (OpenID Federation 1.0 §3). */
export interface EntityStatement {
  jwt: string;
  kid: string;
  iss: string;
  sub: string;
  /** In seconds, as in the JWT. */
  iat: number;
  exp: number;
  keys: PublicJwk[];
  metadata: Metadata;
  authorityHints: string[];
  trustMarks: { trust_mark_type: string; trust_mark: string }[];
  trustMarkIssuers: Record<string, string[]>;
  trustMarkOwners: Record<string, TrustMarkOwner>;
  constraints: Constraints;
  metadataPolicy: Record<string, Record<string, Record<string, unknown>>>;
  metadataPolicyCrit: string[];
}

export const STATEMENT_TYP = "entity-statement+jwt";
/** Clocks differ. */
export const SKEW_SECONDS = 60;

type Claims = Record<string, unknown>;
const isRecord = (value: unknown): value is Claims => typeof value === "object" && value !== null && !Array.isArray(value);
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((one) => typeof one === "string");
const isRecords = (value: unknown): value is Record<string, Claims> => isRecord(value) && Object.values(value).every(isRecord);
const isKeySet = (value: unknown): boolean =>
  isRecord(value) &&
  Array.isArray(value["keys"]) &&
  value["keys"].every((key) => isRecord(key) && typeof key["kty"] === "string" && typeof key["kid"] === "string" && key["kid"] !== "");
const isMarkList = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every((mark) => isRecord(mark) && typeof mark["trust_mark_type"] === "string" && typeof mark["trust_mark"] === "string");
const isOwners = (value: unknown): boolean =>
  isRecords(value) && Object.values(value).every((owner) => typeof owner["sub"] === "string" && isKeySet(owner["jwks"]));
const isNaming = (value: unknown): boolean =>
  isRecord(value) && [value["permitted"], value["excluded"]].every((names) => names === undefined || isTexts(names));
const isConstraints = (value: unknown): boolean =>
  isRecord(value) &&
  (value["naming_constraints"] === undefined || isNaming(value["naming_constraints"])) &&
  (value["allowed_entity_types"] === undefined || isTexts(value["allowed_entity_types"]));
const isPolicy = (value: unknown): boolean => isRecords(value) && Object.values(value).every((type) => isRecords(type));
const optional = (check: (value: unknown) => boolean) => (value: unknown) => value === undefined || check(value);

/** Claim, its form, and whose statement may carry it (§3.1.1 to §3.1.3). */
// oxfmt-ignore
const CLAIMS: [claim: string, holds: (value: unknown) => boolean, only?: "configuration" | "subordinate"][] = [
  ["iss",                  (value) => typeof value === "string" && value !== ""],
  ["sub",                  (value) => typeof value === "string" && value !== ""],
  ["iat",                  Number.isFinite],
  ["exp",                  Number.isFinite],
  ["jwks",                 isKeySet],
  ["metadata",             optional(isRecords)],
  ["crit",                 optional(() => false)], // no claim beyond the specification's own is understood here
  ["authority_hints",      optional((value) => isTexts(value) && value.length > 0), "configuration"],
  ["trust_marks",          optional(isMarkList), "configuration"],
  ["trust_mark_issuers",   optional((value) => isRecord(value) && Object.values(value).every(isTexts)), "configuration"],
  ["trust_mark_owners",    optional(isOwners), "configuration"],
  ["constraints",          optional(isConstraints), "subordinate"],
  ["metadata_policy",      optional(isPolicy), "subordinate"],
  ["metadata_policy_crit", optional((value) => isTexts(value) && value.length > 0), "subordinate"],
];

/** Reads a statement without verifying its signature. @throws RelaisError `peer_protocol` naming the claim that is wrong. */
export function readStatement(signed: Pick<SignedStatements, "read">, jwt: string): EntityStatement {
  const { kid, claims } = signed.read(jwt);
  if (kid === null || kid === "") throw fault("invalid_trust_chain", "An entity statement names no `kid` in its header.");
  const kind = claims["iss"] === claims["sub"] ? "configuration" : "subordinate";
  for (const [claim, holds, only] of CLAIMS) {
    const value = only === undefined || only === kind ? claims[claim] : undefined;
    if (!holds(value))
      throw fault("invalid_trust_chain", `An entity statement lacks ${claim}, or has it in a form that is not OpenID Federation's.`);
    if (only !== undefined && only !== kind && claims[claim] !== undefined)
      throw fault("invalid_trust_chain", `An entity statement carries ${claim}, which belongs in the other kind of statement.`);
  }
  const keys = (claims["jwks"] as { keys: PublicJwk[] }).keys;
  if (new Set(keys.map((key) => key.kid)).size !== keys.length)
    throw fault("invalid_trust_chain", "Two keys of an entity statement share a `kid`.");
  return statementOf(jwt, kid, claims, keys);
}

function statementOf(jwt: string, kid: string, claims: Claims, keys: PublicJwk[]): EntityStatement {
  return {
    jwt,
    kid,
    iss: String(claims["iss"]),
    sub: String(claims["sub"]),
    iat: Number(claims["iat"]),
    exp: Number(claims["exp"]),
    keys,
    metadata: withoutNulls((claims["metadata"] ?? {}) as Metadata),
    authorityHints: (claims["authority_hints"] ?? []) as string[],
    trustMarks: (claims["trust_marks"] ?? []) as EntityStatement["trustMarks"],
    trustMarkIssuers: (claims["trust_mark_issuers"] ?? {}) as EntityStatement["trustMarkIssuers"],
    trustMarkOwners: (claims["trust_mark_owners"] ?? {}) as EntityStatement["trustMarkOwners"],
    constraints: claims["constraints"] ?? {},
    metadataPolicy: (claims["metadata_policy"] ?? {}) as EntityStatement["metadataPolicy"],
    metadataPolicyCrit: (claims["metadata_policy_crit"] ?? []) as string[],
  };
}

/** A null stands for nothing that could be meant (§5). */
function withoutNulls(metadata: Metadata): Metadata {
  for (const [type, members] of Object.entries(metadata))
    for (const [name, value] of Object.entries(members))
      if (value === null)
        throw fault("invalid_metadata", `The metadata of ${type} has ${name} as null, which OpenID Federation prohibits.`);
  return metadata;
}

/** @throws RelaisError `peer_protocol` where it is not yet, or no longer, to be believed. */
export function checkTimes({ iat, exp }: { iat: number; exp?: number | undefined }, what: string, now: Date): void {
  const seconds = now.getTime() / 1000;
  if (iat > seconds + SKEW_SECONDS) throw fault("invalid_trust_chain", `${what} is dated in the future.`);
  if (exp !== undefined && exp <= seconds) throw fault("invalid_trust_chain", `${what} is expired.`);
}

/** @throws RelaisError `peer_protocol` where none of these keys, by the statement's `kid`, signed it. */
export async function checkSignature(signed: SignedStatements, statement: EntityStatement, keys: PublicJwk[], by: string): Promise<void> {
  const named = keys.filter((key) => key.kid === statement.kid);
  if (named.length === 0)
    throw fault("invalid_trust_chain", `The statement about ${statement.sub} is signed with a key that ${by} does not have.`);
  await signed.verify(statement.jwt, { type: STATEMENT_TYP, keys: named }).catch((cause: unknown) => {
    throw fault("invalid_trust_chain", `The statement about ${statement.sub} does not verify with the key of ${by}.`, cause);
  });
}
