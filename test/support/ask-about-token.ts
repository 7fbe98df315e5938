import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Consent } from "../../src/core/consent/consent.ts";
import type { Participant } from "../../src/core/register/participant.ts";
import { createConsentTokens } from "../../src/keys/consent-tokens.ts";
import { openKeyring } from "../../src/keys/keyring.ts";
import { openOwnKey } from "../../src/sandbox/peer/own-keys.ts";
import { introspection } from "../../src/sdk/consent/introspection.ts";
import { relaisKeys } from "../../src/sdk/consent/relais-keys.ts";
import type { FaultWorld } from "./fault-relais.ts";

/** What a source learns by its own key about a token of this consent, asked anew each time. */
export async function askAboutToken(
  world: FaultWorld,
  source: { participant: Participant; keys: string },
  consent: Consent,
): Promise<() => Promise<boolean>> {
  const worker = await openKeyring(join(world.dir, "relais", "keys"), "worker");
  const outbound = world.network.fetchOrigin(world.url, new AbortController().signal);
  const tokens = createConsentTokens({ issuer: world.url, key: () => worker.current("worker"), fetch: outbound });
  const { entityId } = source.participant;
  const holder = await tokens.open(consent, source.participant);
  const { authorization = "" } = await holder.consentHeaders({ method: "GET", url: `${entityId}/export/datasets?${randomUUID()}` });
  const { privateJwk: key } = await openOwnKey(source.keys, "documents");
  const keys = relaisKeys(world.url, fetch);
  const ask = introspection({ issuer: world.url, entityId, key, keys, fetcher: fetch, keepMilliseconds: 0 });
  return async () => (await ask(authorization.slice("DPoP ".length))).active === true;
}
