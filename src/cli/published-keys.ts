import { decodeJwt, type JWK } from "jose";
import { VerificationError } from "../sdk/documents.ts";

const TIMEOUT_MILLISECONDS = 10_000;

/**
 * The keys that an entity publishes: as a JWK set, or in its entity configuration, those of its statements and those with which it signs
 * documents (OpenID Federation 1.0 §3 and §5.2.1).
 */
export async function publishedKeys(issuer: string): Promise<JWK[]> {
  const set = await get(`${issuer}/.well-known/jwks.json`);
  if (set !== null) return (JSON.parse(set) as { keys?: JWK[] }).keys ?? [];
  const statement = await get(`${issuer}/.well-known/openid-federation`);
  if (statement !== null) return keysIn(decodeJwt(statement));
  throw new VerificationError(`${issuer} publishes no keys, or cannot be reached. Keep its keys in a file and name it with --keys.`);
}

interface KeySet {
  keys?: JWK[];
}

function keysIn({ jwks, metadata }: { jwks?: KeySet; metadata?: Record<string, { jwks?: KeySet }> }): JWK[] {
  return [jwks, metadata?.["oauth_client"]?.jwks].flatMap((set) => set?.keys ?? []);
}

async function get(url: string): Promise<string | null> {
  if (!/^https?:\/\//.test(url)) return null;
  try {
    const response = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS) });
    return response.ok ? await response.text() : null;
  } catch {
    return null;
  }
}
