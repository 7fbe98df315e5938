import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrlWithPAR,
  calculatePKCECodeChallenge,
  type Configuration,
  discovery,
  getDPoPHandle,
  PrivateKeyJwt,
  randomDPoPKeyPair,
  randomPKCECodeVerifier,
  randomState,
} from "openid-client";
import type { Language } from "../../../core/catalogue/data-set.ts";
import { PURPOSES } from "../../../core/consent/consent.ts";
import type { OwnKey } from "../../peer/own-keys.ts";
import { type Grant, grantOf } from "./grant.ts";
import { asRefusal } from "./refusals.ts";

interface Settings {
  /** Relais' issuer. */
  issuer: string;
  /** Our entity identifier, which is our name as a client. */
  entityId: string;
  redirectUri: string;
  /** As published in our entity configuration under `oauth_client.jwks`. */
  key: OwnKey;
}

export interface Asked {
  /** Entity identifier. */
  holder: string;
  datasets: readonly string[];
  language: Language;
}

/** A request that waits at Relais for the person's answer. */
export interface Pending {
  /** Where the browser goes. */
  url: URL;
  state: string;
  /** Redeems the answer, with the key that the request is bound to. @throws RelaisError `consent_missing` where the person said no. */
  redeem(callback: URL): Promise<Grant>;
}

/** Ancre as an OAuth client of Relais. Every method throws a RelaisError that tells who can mend it. */
export interface RelaisClient {
  begin(asked: Asked): Promise<Pending>;
}

export function createRelaisClient(settings: Settings): RelaisClient {
  const configurations = discovered(settings);
  return { begin: (asked) => begin(settings, configurations, asked).catch(asRefusal) };
}

const KEEP_MILLISECONDS = 600_000;
const DEADLINE_SECONDS = 15;

/** Relais' own description (RFC 8414), kept for ten minutes. A failure is not kept. */
function discovered({ issuer, entityId, key }: Settings): () => Promise<Configuration> {
  let known: { until: number; configuration: Promise<Configuration> } | null = null;
  const read = async (): Promise<Configuration> => {
    const signingKey = await crypto.subtle.importKey("jwk", key.privateJwk as JsonWebKey, { name: "ECDSA", namedCurve: "P-256" }, false, [
      "sign",
    ]);
    // Plain http is for a Relais on this machine: the register takes no other http address.
    const execute = issuer.startsWith("http:") ? [allowInsecureRequests] : [];
    return discovery(new URL(issuer), entityId, undefined, PrivateKeyJwt({ key: signingKey, kid: key.kid }), {
      algorithm: "oauth2",
      timeout: DEADLINE_SECONDS,
      execute,
    });
  };
  return () => {
    if (known && known.until > Date.now()) return known.configuration;
    const configuration = read();
    known = { until: Date.now() + KEEP_MILLISECONDS, configuration };
    configuration.catch(() => (known = null));
    return configuration;
  };
}

/** Pushes the request (RFC 9126) with PKCE (RFC 7636), bound to a DPoP key of its own (RFC 9449 §10.1). */
async function begin(
  { issuer, redirectUri, entityId }: Settings,
  configurations: () => Promise<Configuration>,
  asked: Asked,
): Promise<Pending> {
  const configuration = await configurations();
  const DPoP = getDPoPHandle(configuration, await randomDPoPKeyPair("ES256"));
  const [verifier, state] = [randomPKCECodeVerifier(), randomState()];
  const resource = `${issuer}/v1`;
  const parameters = {
    redirect_uri: redirectUri,
    state,
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    authorization_details: JSON.stringify([detailOf(entityId, asked)]),
    resource,
    ui_locales: asked.language,
  };
  const url = await buildAuthorizationUrlWithPAR(configuration, parameters, { DPoP });
  const redeem = async (callback: URL): Promise<Grant> => {
    const tokens = await authorizationCodeGrant(
      configuration,
      callback,
      { expectedState: state, pkceCodeVerifier: verifier },
      { resource },
      { DPoP },
    );
    return grantOf({ configuration, DPoP, resource }, tokens);
  };
  return { url, state, redeem: (callback) => redeem(callback).catch(asRefusal) };
}

const DAYS_TO_DELIVER = 30;

/** What is asked of the person (RFC 9396); they can allow less of it. */
function detailOf(entityId: string, { holder, datasets }: Asked): object {
  return {
    type: "self_data_transfer",
    actions: ["copy"],
    locations: [holder],
    datasets,
    purpose: PURPOSES[0].iri,
    destination: entityId,
    expires: new Date(Date.now() + DAYS_TO_DELIVER * 86_400_000).toISOString().slice(0, 10),
  };
}
