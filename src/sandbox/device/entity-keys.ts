import { decodeJwt, type JWK } from "jose";

const DEADLINE_MILLISECONDS = 10_000;
/** So long a key set is remembered: a delivery of a thousand packages asks for one. */
const REMEMBERED_MILLISECONDS = 60_000;

/**
 * Public keys of documents: of Relais from its key set, of a holder from what itself publishes. Not from what Relais says of it: who checks that Relais
 * did not put another content in the place of a holder's does not ask Relais. A set is remembered for a minute, unless it lacks the key that is asked for.
 */
export function entityKeys(relais: string, now: () => number = Date.now): (issuer: string, kid?: string) => Promise<JWK[]> {
  const remembered = new Map<string, { at: number; keys: JWK[] }>();
  return async (issuer, kid) => {
    const known = remembered.get(issuer);
    const isFresh = known !== undefined && now() - known.at < REMEMBERED_MILLISECONDS;
    if (isFresh && (kid === undefined || known.keys.some((key) => key.kid === kid))) return known.keys;
    const keys = issuer === relais ? await keysOfRelais(relais) : await keysOfEntity(issuer);
    remembered.set(issuer, { at: now(), keys });
    return keys;
  };
}

async function keysOfRelais(relais: string): Promise<JWK[]> {
  return (JSON.parse(await textAt(`${relais}/.well-known/jwks.json`)) as { keys: JWK[] }).keys;
}

async function keysOfEntity(issuer: string): Promise<JWK[]> {
  const statement = await textAt(`${issuer}/.well-known/openid-federation`);
  const { metadata } = decodeJwt<{ metadata?: { oauth_client?: { jwks?: { keys: JWK[] } } } }>(statement);
  return metadata?.oauth_client?.jwks?.keys ?? [];
}

async function textAt(url: string): Promise<string> {
  const answer = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(DEADLINE_MILLISECONDS) });
  if (answer.ok) return answer.text();
  throw new Error(`${new URL(url).origin} answers ${answer.status} where it publishes its keys. Try again in a moment.`);
}
