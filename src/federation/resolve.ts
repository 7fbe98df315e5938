import { RelaisError } from "../core/errors.ts";
import type { EntityConfigurations } from "../core/ports.ts";
import type { Metadata } from "../core/federation/metadata-policy.ts";
import { validateChain, type Peek, type Verify } from "../core/federation/trust-chain.ts";
import { isAccredited, type Participant, type TrustMark } from "../core/register/participant.ts";
import { FederationError } from "./federation-error.ts";
import { entityConfiguration, subordinateStatement, type StatementPorts } from "./statements.ts";

export interface ResolvePorts extends StatementPorts {
  entityConfigurations: EntityConfigurations;
  verifyStatement: Verify;
  peek: Peek;
}

interface Resolved {
  chain: string[];
  metadata: Metadata;
  expiresAt: Date;
}

const MOST = 20_000;

/** Chains that were validated, each until its first statement ends. What the register says of a participant now is asked at each use. */
export type Chains = (participant: Participant) => Promise<Resolved>;

export function cachedChains(ports: ResolvePorts): Chains {
  const known = new Map<string, { keys: string; resolved: Promise<Resolved>; until: number }>();
  return async (participant) => {
    const keys = participant.keys.map(({ kid }) => kid).join();
    const found = known.get(participant.id);
    if (found && found.keys === keys && found.until > ports.clock.now().getTime()) return found.resolved;
    if (known.size >= MOST) known.clear();
    const resolved = resolve(ports, participant);
    const entry = { keys, resolved, until: Number.POSITIVE_INFINITY };
    known.set(participant.id, entry);
    try {
      entry.until = (await resolved).expiresAt.getTime();
    } catch (error) {
      known.delete(participant.id);
      throw error;
    }
    return resolved;
  };
}

/** Subject's configuration, our statement about it, our configuration: every participant is one step away from the anchor. */
async function resolve(ports: ResolvePorts, participant: Participant): Promise<Resolved> {
  const own = await ports.entityConfigurations.fetch(participant.entityId).catch((error: unknown) => unresolvable(error));
  const chain = [own.jwt, await subordinateStatement(ports, participant), await entityConfiguration(ports)];
  const anchor = { entityId: ports.issuer, keys: (await ports.keys()).filter((key) => key["exp"] === undefined) };
  const now = ports.clock.now();
  const { metadata, expiresAt } = await validateChain(chain, anchor, { verify: ports.verifyStatement, peek: ports.peek, now }).catch(
    (error: unknown) => unresolvable(error),
  );
  return { chain, metadata, expiresAt };
}

function unresolvable(error: unknown): never {
  if (error instanceof RelaisError && error.code === "peer_unavailable")
    throw new FederationError("temporarily_unavailable", "the subject does not answer with its configuration");
  if (error instanceof RelaisError && error.code === "peer_protocol") throw new FederationError("invalid_trust_chain", error.message);
  throw error;
}

/** Claims of a resolve response (§8.3): only what was verified, and only a mark that is in force now. */
export async function resolveResponse(
  ports: ResolvePorts,
  chains: Chains,
  { participant, mark, types }: { participant: Participant; mark: TrustMark | null; types: string[] },
): Promise<string> {
  const { chain, metadata, expiresAt } = await chains(participant);
  const now = ports.clock.now();
  const inForce = mark !== null && isAccredited(participant, mark, now) ? mark : null;
  const ends = [expiresAt, ...(inForce ? [inForce.expiresAt] : [])].map((date) => Math.floor(date.getTime() / 1000));
  const kept = types.length === 0 ? metadata : Object.fromEntries(Object.entries(metadata).filter(([type]) => types.includes(type)));
  return ports.sign("resolve-response+jwt", {
    iss: ports.issuer,
    sub: participant.entityId,
    iat: Math.floor(now.getTime() / 1000),
    exp: Math.min(...ends),
    metadata: kept,
    trust_chain: chain,
    ...(inForce ? { trust_marks: [{ trust_mark_type: inForce.type, trust_mark: inForce.jwt }] } : {}),
  });
}
