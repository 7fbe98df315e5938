import { RelaisError } from "../errors.ts";
import type { PublicJwk } from "../register/participant.ts";
import { applyPolicy, mergePolicies, type Metadata, type MetadataPolicy } from "./metadata-policy.ts";

const STATEMENT_TYPE = "entity-statement+jwt";
/** Longer chains are refused before anything is verified. */
const LONGEST = 10;

/** Claims of an entity statement that was verified (OpenID Federation 1.0 §3). */
export interface Statement {
  iss: string;
  sub: string;
  iat: number;
  exp: number;
  jwks: { keys: PublicJwk[] };
  metadata?: Metadata;
  metadata_policy?: MetadataPolicy;
  metadata_policy_crit?: string[];
  constraints?: {
    max_path_length?: number;
    naming_constraints?: { permitted?: string[]; excluded?: string[] };
    allowed_entity_types?: string[];
  };
}

/** The payload, where one of these keys signed it with this type; throws otherwise. */
export type Verify = (jwt: string, expected: { type: string; keys: PublicJwk[] }) => Promise<Record<string, unknown>>;
/** The payload as it stands, unverified. */
export type Peek = (jwt: string) => Record<string, unknown>;

export interface ResolvedChain {
  /** Of the subject, as the policies leave it. */
  metadata: Metadata;
  /** The earliest end of all statements. */
  expiresAt: Date;
}

interface Anchor {
  entityId: string;
  /** Configured, never taken from the chain itself. */
  keys: PublicJwk[];
}

/**
 * Validates a chain: the subject's own configuration, one statement by each superior, and the anchor's configuration last (§10.2). The last two
 * signatures stand on keys of the anchor that are known beforehand.
 * @throws RelaisError `peer_protocol` naming the first thing that is wrong.
 */
export async function validateChain(
  chain: readonly string[],
  anchor: Anchor,
  { verify, peek, now }: { verify: Verify; peek: Peek; now: Date },
): Promise<ResolvedChain> {
  if (chain.length < 2 || chain.length > LONGEST) throw invalid(`has ${chain.length} statements`);
  const statements = chain.map((jwt) => statementIn(peek(jwt), now));
  for (const [place, jwt] of chain.entries()) {
    const statement = statements[place] as Statement;
    const above = statements[place + 1];
    if (place === 0 && statement.iss !== statement.sub) throw invalid("does not begin with the subject's own configuration");
    if (above !== undefined && statement.iss !== above.sub) throw invalid("is not in order");
    const keys = above === undefined || (above.iss === anchor.entityId && above.sub === anchor.entityId) ? anchor.keys : above.jwks.keys;
    await verify(jwt, { type: STATEMENT_TYPE, keys });
    if (place === 0) await verify(jwt, { type: STATEMENT_TYPE, keys: statement.jwks.keys });
  }
  const last = statements.at(-1) as Statement;
  if (last.iss !== anchor.entityId || last.sub !== anchor.entityId) throw invalid("does not end at the trust anchor");
  checkConstraints(statements);
  return { metadata: resolveMetadata(statements), expiresAt: new Date(Math.min(...statements.map(({ exp }) => exp)) * 1000) };
}

const SKEW_SECONDS = 60;

function statementIn(claims: Record<string, unknown>, now: Date): Statement {
  const seconds = now.getTime() / 1000;
  const { iss, sub, iat, exp, jwks } = claims as Partial<Statement>;
  if (
    typeof iss !== "string" ||
    typeof sub !== "string" ||
    typeof iat !== "number" ||
    typeof exp !== "number" ||
    !Array.isArray(jwks?.keys)
  )
    throw invalid("holds a statement without iss, sub, iat, exp or jwks");
  if (iat > seconds + SKEW_SECONDS) throw invalid("holds a statement from the future");
  if (exp <= seconds) throw invalid("holds a statement that is over");
  return claims as unknown as Statement;
}

/** §6.2: a superior may bound how long a chain below it is, which names it holds, and which types. */
function checkConstraints(statements: Statement[]): void {
  const subject = statements[0] as Statement;
  for (const [place, { constraints }] of statements.entries()) {
    if (constraints === undefined || place === 0) continue;
    const between = place - 1;
    if (constraints.max_path_length !== undefined && between > constraints.max_path_length)
      throw invalid("is longer than a superior allows");
    const { permitted, excluded } = constraints.naming_constraints ?? {};
    const host = new URL(subject.sub).hostname;
    const isUnder = (name: string): boolean => host === name || host.endsWith(name.startsWith(".") ? name : `.${name}`);
    if (permitted !== undefined && !permitted.some(isUnder)) throw invalid("holds a name that a superior does not permit");
    if (excluded?.some(isUnder)) throw invalid("holds a name that a superior excludes");
  }
}

/** The immediate superior's own words first, then the types that are allowed, then the merged policy (§6.1.4). */
function resolveMetadata(statements: Statement[]): Metadata {
  const [subject, superior] = statements as [Statement, Statement];
  const own: Metadata = { ...subject.metadata };
  for (const [type, parameters] of Object.entries(superior.metadata ?? {})) if (type in own) own[type] = { ...own[type], ...parameters };
  const allowed = statements
    .slice(1)
    .flatMap(({ constraints }) => (constraints?.allowed_entity_types ? [constraints.allowed_entity_types] : []));
  const kept = Object.fromEntries(
    Object.entries(own).filter(([type]) => type === "federation_entity" || allowed.every((types) => types.includes(type))),
  );
  const above = statements.slice(1).toReversed();
  const policies = above.flatMap(({ metadata_policy: policy }) => (policy ? [policy] : []));
  return applyPolicy(
    kept,
    mergePolicies(
      policies,
      above.flatMap(({ metadata_policy_crit: critical }) => critical ?? []),
    ),
  );
}

function invalid(flaw: string): RelaisError {
  return new RelaisError("peer_protocol", `The trust chain ${flaw}.`);
}
