import { checkSignature, checkTimes, readStatement, type EntityStatement } from "../core/federation/statement.ts";
import { buildChain, validateChain, type TrustAnchor } from "../core/federation/trust-chain.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { VerificationError } from "./documents.ts";
import { signed } from "./signed.ts";

/** How documents are fetched; the platform's own by default. Redirects are not followed, and answers are bounded. */
export type WebFetch = (url: string, init: RequestInit) => Promise<Response>;

const DEADLINE_MILLISECONDS = 10_000;
const MOST_CHARACTERS = 1_000_000;

/** The text, null where there is none (404). @throws VerificationError where nobody can be asked. */
export async function fetchText(fetcher: WebFetch, url: string, init: RequestInit = {}): Promise<string | null> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetcher(url, { ...init, redirect: "error", signal: AbortSignal.timeout(DEADLINE_MILLISECONDS) });
    text = await answer.text();
  } catch (cause) {
    throw new VerificationError(`${url} does not answer. Try again later.`, { cause });
  }
  if (answer.status === 404) return null;
  if (!answer.ok || text.length > MOST_CHARACTERS)
    throw new VerificationError(`${url} does not answer as OpenID Federation says (status ${answer.status}).`);
  return text;
}

function configurationOf(fetcher: WebFetch, entityId: string): Promise<string | null> {
  return fetchText(fetcher, `${entityId.replace(/\/+$/, "")}/.well-known/openid-federation`);
}

/**
 * The anchor's configuration. `keys` are those that you know by a channel that you trust more than its web server; without them
 * the connection to it is what you trust.
 * @throws VerificationError
 */
export async function readAnchor(
  fetcher: WebFetch,
  { entityId, keys }: { entityId: string; keys?: PublicJwk[] | undefined },
  now: Date,
): Promise<EntityStatement> {
  const jwt = await configurationOf(fetcher, entityId);
  if (jwt === null) throw new VerificationError(`${entityId} publishes no entity configuration.`);
  return sayWhy(async () => {
    const statement = readStatement(signed, jwt);
    checkTimes(statement, `The configuration of ${entityId}`, now);
    if (statement.iss !== entityId || statement.sub !== entityId)
      throw new VerificationError(`${entityId} publishes the configuration of another entity.`);
    await checkSignature(signed, statement, keys ?? statement.keys, entityId);
    return statement;
  });
}

/** What an entity below an anchor says of itself, once a chain to the anchor is valid. @throws VerificationError */
export async function readBelow(fetcher: WebFetch, entityId: string, anchor: EntityStatement, now: Date): Promise<EntityStatement> {
  const configuration = await configurationOf(fetcher, entityId);
  if (configuration === null) throw new VerificationError(`${entityId} publishes no entity configuration.`);
  const source = {
    configuration: async (id: string) => (id === anchor.sub ? anchor.jwt : configurationOf(fetcher, id)),
    subordinate: async (superior: EntityStatement, about: string) => {
      const endpoint = superior.metadata["federation_entity"]?.["federation_fetch_endpoint"];
      return typeof endpoint === "string" ? fetchText(fetcher, `${endpoint}?${new URLSearchParams({ sub: about }).toString()}`) : null;
    },
  };
  return sayWhy(async () => {
    const chain = await buildChain(signed, source, { configuration, hints: [anchor.sub] }, anchor.sub);
    if (chain === null) throw new VerificationError(`No chain of trust leads from ${entityId} to ${anchor.sub}.`);
    const trusted: TrustAnchor = { entityId: anchor.sub, keys: anchor.keys };
    const [subject] = (await validateChain(signed, chain, trusted, now)).statements;
    return subject as EntityStatement;
  });
}

/** Keys with which an entity signed at that time: those of now, and those of its past (§8.7). A compromised key proves nothing any more. */
export async function keysAt(
  fetcher: WebFetch,
  entity: EntityStatement,
  { kid, at }: { kid: string | null; at: number },
): Promise<PastKeys> {
  const endpoint = entity.metadata["federation_entity"]?.["federation_historical_keys_endpoint"];
  const present: PastKeys = { keys: entity.keys, revoked: null };
  if (entity.keys.some((key) => key.kid === kid) || typeof endpoint !== "string") return present;
  const jwt = await fetchText(fetcher, endpoint);
  if (jwt === null) return present;
  return sayWhy(async () => {
    const { iss, keys } = await signed.verify(jwt, { type: "jwk-set+jwt", keys: entity.keys });
    if (iss !== entity.sub || !Array.isArray(keys)) throw new VerificationError(`The keys of the past of ${entity.sub} are not its own.`);
    const [good, bad] = [(keys as PublicJwk[]).filter((key) => wasGood(key, at)), (keys as PublicJwk[]).find((key) => key.kid === kid)];
    const reason = (bad?.["revoked"] as { reason?: string } | undefined)?.reason ?? null;
    return { keys: [...entity.keys, ...good], revoked: good.some((key) => key.kid === kid) ? null : reason };
  });
}

interface PastKeys {
  keys: PublicJwk[];
  /** Why the key of that `kid` proves nothing any more, where it was revoked. */
  revoked: string | null;
}

function wasGood(key: PublicJwk, at: number): boolean {
  const revoked = key["revoked"] as { revoked_at?: number; reason?: string } | undefined;
  const isCompromised = revoked !== undefined && revoked.reason !== "superseded";
  // Times are whole seconds, and what was signed in the last of them is good too.
  return !isCompromised && at <= Number(key["exp"]) && (revoked === undefined || at <= Number(revoked.revoked_at));
}

/** Whatever the rules say becomes one kind of error for those who import the SDK. */
export async function sayWhy<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof VerificationError) throw error;
    throw new VerificationError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
