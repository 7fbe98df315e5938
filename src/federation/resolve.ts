import { RelaisError } from "../core/errors.ts";
import type { EntityConfigurations, Store } from "../core/ports.ts";
import type { Metadata, SignedStatements } from "../core/federation/statement.ts";
import { validateChain } from "../core/federation/trust-chain.ts";
import type { Participant, TrustMark } from "../core/register/participant.ts";
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

/** Chains that were validated, each until its first statement ends. What the register says of a participant now is asked at each use. */
export type Chains = (participant: Participant) => Promise<Resolved>;

export function cachedChains(ports: ResolvePorts): Chains {
  const known = new Map<string, { keys: string; resolved: Promise<Resolved>; until: number }>();
  return async (participant) => {
    const keys = [...(participant.federationKeys ?? []), ...(await ports.keys())].map(({ kid }) => kid).join();
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
  const own = await configurationOf(ports, participant).catch((error: unknown) => unresolvable(error));
  const chain = [own, await subordinateStatement(ports, participant), await entityConfiguration(ports)];
  const anchor = { entityId: ports.issuer, keys: await presentKeys(ports) };
  const now = ports.clock.now();
  const { metadata, expiresAt } = await validateChain(ports.signed, chain, anchor, now).catch((error: unknown) => unresolvable(error));
  return { chain, metadata, expiresAt };
}

/** The one that the register accepted last, while it is valid: then nobody is asked, and nobody is waited for. */
async function configurationOf({ store, clock, entityConfigurations }: ResolvePorts, participant: Participant): Promise<string> {
  const known = await store.read((r) => r.entities.find(participant.id));
  if (known?.jwt && known.expiresAt !== null && known.expiresAt > clock.now()) return known.jwt;
  return (await entityConfigurations.fetch(participant.entityId)).jwt;
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
  { participant, marks, types }: { participant: Participant; marks: TrustMark[]; types: string[] },
): Promise<string> {
  const { chain, metadata, expiresAt } = await chains(participant);
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
