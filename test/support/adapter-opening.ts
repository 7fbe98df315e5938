import { SignJWT, exportJWK, generateKeyPair } from "jose";
import { randomUUID } from "node:crypto";
import type { AdapterName, Endpoints, Participant } from "../../src/core/register/participant.ts";
import type { Credentials, Opening } from "../../src/core/transfer/adapter.ts";
import { sha256 } from "../../src/core/transfer/manifest.ts";
import type { Outbound } from "../../src/net/network.ts";

export interface Account {
  adapter: AdapterName;
  url: string;
  endpoints: Endpoints;
  account: string;
  credentials: Credentials;
}

/** An opening as the engine lends it, over the real network, with real DPoP proofs. */
export async function openingFor(
  network: Outbound,
  { adapter, url, endpoints, account, credentials }: Account,
  signal = new AbortController().signal,
): Promise<Opening> {
  const participant: Participant = {
    id: "prt_0000000000000000000000",
    entityId: new URL(url).origin,
    name: adapter,
    roles: ["platform"],
    adapter,
    endpoints,
    keys: [],
    datasets: [],
    about: { country: "FR", privacyContact: "dpo@platform.example" },
    status: "accredited",
    client: null,
  };
  return {
    participant,
    account,
    credentials,
    fetch: network.fetchFor(participant, signal),
    farewell: network.fetchFor(participant, AbortSignal.timeout(60_000)),
    signal,
    clock: { now: () => new Date() },
    consentHeaders: async ({ nonce }) => ({ authorization: "DPoP token", ...(nonce === undefined ? {} : { "x-nonce": nonce }) }),
    signedHeaders: async () => ({ signature: "relais=:c2ln:", "signature-input": 'relais=("@method")' }),
    dpopProof: await proofs(),
  };
}

async function proofs(): Promise<Opening["dpopProof"]> {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const jwk = await exportJWK(publicKey);
  return ({ method, url, nonce, accessToken }) => {
    const claims = {
      htm: method,
      htu: url.split(/[?#]/)[0],
      jti: randomUUID(),
      ...(nonce === undefined ? {} : { nonce }),
      ...(accessToken === undefined ? {} : { ath: sha256(accessToken) }),
    };
    return new SignJWT(claims).setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk }).setIssuedAt().sign(privateKey);
  };
}
