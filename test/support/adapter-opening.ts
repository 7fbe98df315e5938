import type { AdapterName, Endpoints, Participant } from "../../src/core/register/participant.ts";
import type { Credentials, Opening } from "../../src/core/transfer/adapter.ts";
import { newProofKey } from "../../src/keys/dpop.ts";
import type { Outbound } from "../../src/net/network.ts";
import { realClock } from "./real-clock.ts";

export interface Account {
  adapter: AdapterName;
  url: string;
  endpoints: Endpoints;
  account: string;
  credentials: Credentials;
  /** As the participant's Relais makes them; without, fields that nobody checks. */
  consentHeaders?: Opening["consentHeaders"];
  signedHeaders?: Opening["signedHeaders"];
}

const uncheckedConsent: Opening["consentHeaders"] = async ({ nonce }) => ({
  authorization: "DPoP token",
  ...(nonce === undefined ? {} : { "x-nonce": nonce }),
});
const uncheckedSignature: Opening["signedHeaders"] = async () => ({
  signature: "relais=:c2ln:",
  "signature-input": 'relais=("@method")',
});

/** An opening as the engine lends it, over the real network, with real DPoP proofs. */
export async function openingFor(
  network: Outbound,
  { adapter, url, endpoints, account, credentials, consentHeaders = uncheckedConsent, signedHeaders = uncheckedSignature }: Account,
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
    clock: realClock,
    consentHeaders,
    signedHeaders,
    dpopProof: (await newProofKey()).proof,
  };
}
