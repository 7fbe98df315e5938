import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";

/** What each example reads from its environment. */
export interface Settings {
  /** Relais' issuer identifier. */
  relais: string;
  /** Our own entity identifier: an https address, or loopback for a Relais on this machine. */
  entityId: string;
  port: number;
  /** Signs what we say of ourselves, and nothing else. */
  federationKey: JWK;
  /** Proves us as a client. */
  clientKey: JWK;
}

/** RELAIS, PORT, KEYS (a folder; keys are made at the first start), and ENTITY_ID where it is not `http://127.0.0.1:PORT`. */
export async function settings(): Promise<Settings> {
  const { RELAIS: relais = "http://127.0.0.1:3000", PORT = "4000", KEYS = ".keys", ENTITY_ID } = process.env;
  await mkdir(KEYS, { recursive: true, mode: 0o700 });
  return {
    relais,
    entityId: ENTITY_ID ?? `http://127.0.0.1:${PORT}`,
    port: Number(PORT),
    federationKey: await openKey(join(KEYS, "federation.jwk")),
    clientKey: await openKey(join(KEYS, "client.jwk")),
  };
}

async function openKey(file: string): Promise<JWK> {
  const kept = await readFile(file, "utf8").catch(() => null);
  if (kept !== null) return JSON.parse(kept) as JWK;
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(privateKey);
  const key = { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: "ES256", use: "sig" };
  await writeFile(file, JSON.stringify(key), { mode: 0o600 });
  return key;
}

function publicOf({ d: _private, ...jwk }: JWK): JWK {
  return jwk;
}

const LIFE_SECONDS = 24 * 3600;

/** `/.well-known/openid-federation`: what an entity says of itself, signed anew for each reader (OpenID Federation 1.0 §3). */
export async function entityConfiguration(
  { entityId, federationKey, clientKey }: Settings,
  { name, redirectUris = [], ...metadata }: { name: string; redirectUris?: string[] } & Record<string, unknown>,
): Promise<string> {
  const iat = Math.floor(Date.now() / 1000);
  const client = { token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [publicOf(clientKey)] } };
  return new SignJWT({
    iss: entityId,
    sub: entityId,
    iat,
    exp: iat + LIFE_SECONDS,
    jwks: { keys: [publicOf(federationKey)] },
    metadata: {
      federation_entity: { organization_name: name, contacts: ["dpo@example.org"] },
      oauth_client: redirectUris.length === 0 ? client : { ...client, redirect_uris: redirectUris },
      ...metadata,
    },
  })
    .setProtectedHeader({ alg: "ES256", kid: String(federationKey.kid), typ: "entity-statement+jwt" })
    .sign(await importJWK(federationKey, "ES256"));
}
