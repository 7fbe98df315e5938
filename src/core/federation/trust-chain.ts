import type { PublicJwk } from "../register/participant.ts";
import { allowedMetadata, checkConstraints } from "./constraints.ts";
import { fault } from "./fault.ts";
import { applyPolicy, resolvePolicy } from "./metadata-policy.ts";
import { checkSignature, checkTimes, readStatement, type EntityStatement, type Metadata, type SignedStatements } from "./statement.ts";

/** Whom to trust, and by which keys: configured, never taken from what is to be checked. */
export interface TrustAnchor {
  entityId: string;
  keys: PublicJwk[];
}

export interface ValidChain {
  /** The subject's metadata, after its superior's, the constraints and the policies. */
  metadata: Metadata;
  /** The earliest end of any statement (§10.4). */
  expiresAt: Date;
  /** From the subject's configuration to the anchor's. */
  statements: EntityStatement[];
}

const MOST_STATEMENTS = 12;

/**
 * Validates a chain as OpenID Federation 1.0 §10.2 says: all that is cheap first, then every signature, then constraints and metadata.
 * The last signature must be by a configured key of the anchor.
 * @throws RelaisError `peer_protocol` with `details.fault`.
 */
export async function validateChain(signed: SignedStatements, jwts: string[], anchor: TrustAnchor, now: Date): Promise<ValidChain> {
  if (jwts.length === 0 || jwts.length > MOST_STATEMENTS)
    throw fault("invalid_trust_chain", `A trust chain has 1 to ${MOST_STATEMENTS} statements; this one has ${jwts.length}.`);
  const chain = jwts.map((jwt) => readStatement(signed, jwt));
  for (const statement of chain) checkTimes(statement, `The statement about ${statement.sub}`, now);
  const [subject, last] = [chain[0] as EntityStatement, chain.at(-1) as EntityStatement];
  checkOrder(chain, subject, last, anchor);
  await checkSignature(signed, subject, subject.keys, subject.sub);
  for (const [index, statement] of chain.slice(0, -1).entries()) {
    const above = chain[index + 1] as EntityStatement;
    await checkSignature(signed, statement, above.keys, statement.iss);
  }
  await checkSignature(signed, last, anchor.keys, `the configured trust anchor ${anchor.entityId}`);
  checkConstraints(chain);
  return { metadata: resolveMetadata(chain), expiresAt: new Date(Math.min(...chain.map(({ exp }) => exp)) * 1000), statements: chain };
}

function checkOrder(chain: EntityStatement[], subject: EntityStatement, last: EntityStatement, anchor: TrustAnchor): void {
  if (subject.iss !== subject.sub)
    throw fault("invalid_trust_chain", "The trust chain does not begin with its subject's own configuration.");
  if (last.iss !== anchor.entityId || last.sub !== anchor.entityId)
    throw fault("invalid_trust_anchor", `The trust chain does not end with the configuration of ${anchor.entityId}.`);
  for (const [index, statement] of chain.slice(0, -1).entries()) {
    if (statement.iss !== chain[index + 1]?.sub)
      throw fault("invalid_trust_chain", `After a statement by ${statement.iss} the trust chain needs one about ${statement.iss}.`);
  }
  if (new Set(chain.slice(1).map(({ sub }) => sub)).size !== chain.length - 1)
    throw fault("invalid_trust_chain", "The trust chain passes an entity twice.");
}

/** The superior's own metadata comes first, then allowed types, then the merged policy (§6.1.4.2, §6.2.3). */
function resolveMetadata(chain: EntityStatement[]): Metadata {
  const [subject, ...superiors] = chain as [EntityStatement, ...EntityStatement[]];
  const statements = superiors.slice(0, -1);
  const given = withSuperior(subject.metadata, statements[0]?.metadata ?? {});
  return applyPolicy(allowedMetadata(given, chain), resolvePolicy(statements.toReversed()));
}

/** For types that the subject has; members of the superior replace the subject's (§3.1.3 `metadata`). */
function withSuperior(own: Metadata, superior: Metadata): Metadata {
  return Object.fromEntries(Object.entries(own).map(([type, members]) => [type, { ...members, ...superior[type] }]));
}

/** Where statements come from. Null: there is none. Each call counts against the bound. */
export interface StatementSource {
  configuration(entityId: string): Promise<string | null>;
  /** What `superior`, whose configuration this is, says of `entityId`. */
  subordinate(superior: EntityStatement, entityId: string): Promise<string | null>;
}

interface Search {
  signed: SignedStatements;
  source: StatementSource;
  anchorId: string;
  fetches: number;
}

const MOST_FETCHES = 20;
const MOST_INTERMEDIATES = 5;

/**
 * Looks for chains upwards from a subject's configuration to one anchor, the shortest first (§10.1). It never passes an entity twice, stops
 * after 5 intermediates and 20 fetches, and verifies nothing: `validateChain` does.
 */
export async function buildChain(
  signed: SignedStatements,
  source: StatementSource,
  subject: { configuration: string; hints?: string[] },
  anchorId: string,
): Promise<string[] | null> {
  const search = { signed, source, anchorId, fetches: 0 };
  const first = readStatement(signed, subject.configuration);
  const hints = first.authorityHints.length > 0 ? first.authorityHints : (subject.hints ?? []);
  let level: Path[] = [{ jwts: [first.jwt], entityId: first.sub, hints, passed: new Set([first.sub]) }];
  for (let depth = 0; depth <= MOST_INTERMEDIATES && level.length > 0; depth++) {
    const next: Path[] = [];
    for (const path of level) {
      const found = await climb(search, path, next);
      if (found !== null) return found;
    }
    level = next;
  }
  return null;
}

interface Path {
  jwts: string[];
  entityId: string;
  hints: string[];
  passed: ReadonlySet<string>;
}

/** One step up by every hint, the anchor's first: a chain that is done, or more paths to go on with. */
async function climb(search: Search, path: Path, next: Path[]): Promise<string[] | null> {
  const hints = path.hints
    .filter((hint) => !path.passed.has(hint))
    .sort((a, b) => Number(b === search.anchorId) - Number(a === search.anchorId));
  for (const hint of hints) {
    if (search.fetches + 2 > MOST_FETCHES) return null;
    search.fetches += 2;
    const superior = await superiorAt(search, hint, path.entityId);
    if (superior === null) continue;
    const jwts = [...path.jwts, superior.statement];
    if (hint === search.anchorId) return [...jwts, superior.configuration.jwt];
    next.push({ jwts, entityId: hint, hints: superior.configuration.authorityHints, passed: new Set([...path.passed, hint]) });
  }
  return null;
}

/** Null also where it answers nonsense: another hint may lead to the anchor. The anchor's own failure is everybody's. */
async function superiorAt(
  { signed, source, anchorId }: Search,
  hint: string,
  entityId: string,
): Promise<{ configuration: EntityStatement; statement: string } | null> {
  try {
    const jwt = await source.configuration(hint);
    const configuration = jwt === null ? null : readStatement(signed, jwt);
    if (configuration?.sub !== hint) return null;
    const statement = await source.subordinate(configuration, entityId);
    return statement === null ? null : { configuration, statement };
  } catch (error) {
    if (hint === anchorId) throw error;
    return null;
  }
}
