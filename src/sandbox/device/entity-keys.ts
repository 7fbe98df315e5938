import { decodeJwt, type JWK } from "jose";

const DEADLINE_MILLISECONDS = 10_000;

/**
 * Public keys of documents: of Relais from its key set, of a holder from what itself publishes. Not from what Relais says of it: who checks that Relais
 * did not put another content in the place of a holder's does not ask Relais.
 */
export function entityKeys(relais: string): (issuer: string) => Promise<JWK[]> {
  return async (issuer) => {
    if (issuer === relais) return (JSON.parse(await textAt(`${relais}/.well-known/jwks.json`)) as { keys: JWK[] }).keys;
    const statement = await textAt(`${issuer}/.well-known/openid-federation`);
    const { metadata } = decodeJwt<{ metadata?: { oauth_client?: { jwks?: { keys: JWK[] } } } }>(statement);
    return metadata?.oauth_client?.jwks?.keys ?? [];
  };
}

async function textAt(url: string): Promise<string> {
  const answer = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(DEADLINE_MILLISECONDS) });
  if (answer.ok) return answer.text();
  throw new Error(`${new URL(url).origin} answers ${answer.status} where it publishes its keys. Try again in a moment.`);
}
