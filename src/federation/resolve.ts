import { canonicalJson } from "../core/canonical-json.ts";
import { RelaisError } from "../core/errors.ts";
import type { Metadata, SignedStatements } from "../core/federation/statement.ts";
import type { Subordinate } from "../core/federation/subordinates.ts";
import { validateChain } from "../core/federation/trust-chain.ts";
import type { EntityConfigurations, Store } from "../core/ports.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { thumbprintOf } from "../core/register/public-keys.ts";
import { sha256 } from "../core/transfer/manifest.ts";
import { FederationError } from "./federation-error.ts";
import { entityConfiguration, presentKeys, subordinateStatement, type StatementPorts } from "./statements.ts";

export interface ResolvePorts extends StatementPorts {
  store: Store;
  entityConfigurations: EntityConfigurations;
  signed: SignedStatements;
}

interface Resolved {
  chain: string[];
  metadata: Metadata;
  expiresAt: Date;
}

const MOST = 20_000;

/** How long it is remembered that nobody answered: asking us again and again must not ask the participant again and again. */
const FAILURE_MILLISECONDS = 10_000;

/**
 * Chains that were validated, each until its first statement ends, and only while the register and our keys say what they said then. What the
 * register says of a participant now is asked at each use.
 */
export type Chains = (subordinate: Subordinate) => Promise<Resolved>;

export function cachedChains(ports: ResolvePorts): Chains {
  const known = new Map<string, { said: string; resolved: Promise<Resolved>; until: number }>();
  return async (subordinate) => {
    const { id } = subordinate.participant;
    const said = fingerprint(subordinate, await presentKeys(ports));
    const found = known.get(id);
    const now = ports.clock.now().getTime();
    if (found?.said === said && found.until > now) return found.resolved;
    if (known.size >= MOST) known.clear();
    const resolved = resolve(ports, subordinate);
    const entry = { said, resolved, until: Number.POSITIVE_INFINITY };
    known.set(id, entry);
    entry.until = await resolved.then(
      ({ expiresAt }) => expiresAt.getTime(),
      () => now + FAILURE_MILLISECONDS,
    );
    return resolved;
  };
}

/** Keys by what they are: a participant calls its own as it likes. */
function fingerprint({ participant, configuration }: Subordinate, ours: PublicJwk[]): string {
  const { roles, endpoints } = participant;
  return sha256(
    canonicalJson([configuration, roles, endpoints, (participant.federationKeys ?? []).map(thumbprintOf), ours.map(thumbprintOf)]),
  );
}

/** Subject's configuration, our statement about it, our configuration: every participant is one step away from the anchor. */
async function resolve(ports: ResolvePorts, { participant, configuration }: Subordinate): Promise<Resolved> {
  // The one that the register accepted last, while it is valid: then nobody is asked, and nobody is waited for.
  const own =
    configuration ?? (await ports.entityConfigurations.fetch(participant.entityId).catch((error: unknown) => unresolvable(error))).jwt;
  const chain = [own, await subordinateStatement(ports, participant), await entityConfiguration(ports)];
  const anchor = { entityId: ports.issuer, keys: await presentKeys(ports) };
  const now = ports.clock.now();
  const { metadata, expiresAt } = await validateChain(ports.signed, chain, anchor, now).catch((error: unknown) => unresolvable(error));
  return { chain, metadata, expiresAt };
}

function unresolvable(error: unknown): never {
  if (error instanceof RelaisError && error.code === "peer_unavailable")
    throw new FederationError("temporarily_unavailable", "the subject does not answer with its configuration");
  if (error instanceof RelaisError && (error.code === "peer_protocol" || error.code === "forbidden"))
    throw new FederationError(error.details["fault"] === "invalid_metadata" ? "invalid_metadata" : "invalid_trust_chain", error.message);
  throw error;
}

/** Claims of a resolve response (§8.3): only what was verified, and only marks that are in force now. */
export async function resolveResponse(
  ports: ResolvePorts,
  chains: Chains,
  { types, ...subordinate }: Subordinate & { types: string[] },
): Promise<string> {
  const { participant, marks } = subordinate;
  const { chain, metadata, expiresAt } = await chains(subordinate);
  const now = ports.clock.now();
  const ends = [expiresAt, ...marks.map((mark) => mark.expiresAt)].map((date) => Math.floor(date.getTime() / 1000));
  const kept = types.length === 0 ? metadata : Object.fromEntries(Object.entries(metadata).filter(([type]) => types.includes(type)));
  return ports.sign("resolve-response+jwt", {
    iss: ports.issuer,
    sub: participant.entityId,
    iat: Math.floor(now.getTime() / 1000),
    exp: Math.min(...ends),
    metadata: kept,
    trust_chain: chain,
    ...(marks.length > 0 ? { trust_marks: marks.map(({ type, jwt }) => ({ trust_mark_type: type, trust_mark: jwt })) } : {}),
  });
}
