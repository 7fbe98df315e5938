import {
  allowInsecureRequests,
  type ClientAuth,
  type ClientMetadata,
  ClientSecretBasic,
  ClientSecretPost,
  clockTolerance,
  type CryptoKey,
  customFetch,
  type DecryptionKey,
  discovery,
  enableDecryptingResponses,
  enableNonRepudiationChecks,
  PrivateKeyJwt,
  type Configuration,
  type CustomFetch,
} from "openid-client";
import { RelaisError } from "../core/errors.ts";
import type { Assurance } from "../core/person/assurance.ts";
import type { Fetch } from "../core/transfer/adapter.ts";
import { profileOf, type Algorithm, type ProfileName } from "./profiles.ts";

/** Our registration at one provider. Without a secret, Relais proves itself with its own key (private_key_jwt). */
export interface Registration {
  issuer: string;
  clientId: string;
  clientSecret?: string | undefined;
  profile?: ProfileName;
  /** What our registration there says that answers are signed with; left out, whatever the provider publishes. */
  algorithm?: Algorithm | undefined;
}

/** A provider at which people sign in to Relais. */
export interface Upstream extends Registration {
  /** In addresses of ours: `default` for the one of the settings. */
  id: string;
  /** On the button; null where only one can be meant. */
  name: string | null;
  /** Less is not let in; null asks for nothing. */
  least: Assurance | null;
}

export interface ProviderSettings {
  /** Our key as a client, and its id in our published key set. */
  clientKey: () => Promise<{ key: CryptoKey; kid: string }>;
  /** Our keys that answers may be encrypted to: the current one, one that is announced, and those of the past. */
  decryptionKeys: () => Promise<DecryptionKey[]>;
  fetchOrigin: (origin: string, signal: AbortSignal) => Fetch;
  /** Plain http to loopback: the sandbox and tests only. */
  allowLoopback: boolean;
}

export type Providers = (registration: Registration) => Promise<Configuration>;

const KEEP_MILLISECONDS = 600_000;
const DEADLINE_MILLISECONDS = 15_000;
/** Tokens may live for 60 s: clocks need not agree to the second. */
const CLOCK_SECONDS = 10;

/** Discovered providers, each kept for ten minutes (OpenID Connect Discovery §4). A failure is not kept. */
export function createProviders(settings: ProviderSettings): Providers {
  const known = new Map<string, { until: number; configuration: Promise<Configuration> }>();
  return async (registration) => {
    // With a new key of ours, the provider may use it at once.
    const keys = profileOf(registration).encrypts ? await settings.decryptionKeys() : [];
    const name = JSON.stringify([registration.issuer, registration.clientId, keys.map(({ kid }) => kid)]);
    const present = known.get(name);
    if (present && present.until > Date.now()) return present.configuration;
    const configuration = discover(settings, registration, keys);
    known.set(name, { until: Date.now() + KEEP_MILLISECONDS, configuration });
    configuration.catch(() => known.delete(name));
    return configuration;
  };
}

/** What FranceConnect+ encrypts with. */
const CONTENT_ENCRYPTION = ["A256GCM"];

async function discover(settings: ProviderSettings, registration: Registration, keys: DecryptionKey[]): Promise<Configuration> {
  const { issuer, clientId } = registration;
  const { readsUserInfo, encrypts } = profileOf(registration);
  const decrypting = (configuration: Configuration) => enableDecryptingResponses(configuration, CONTENT_ENCRYPTION, ...keys);
  try {
    return await discovery(new URL(issuer), clientId, metadataOf(registration), await authenticationOf(settings, registration), {
      [customFetch]: through(settings),
      execute: [
        ...(settings.allowLoopback ? [allowInsecureRequests] : []),
        ...(readsUserInfo ? [enableNonRepudiationChecks] : []),
        ...(encrypts ? [decrypting] : []),
      ],
    });
  } catch (cause) {
    throw new RelaisError(
      "peer_unavailable",
      "The sign-in provider does not answer as it should. Try again in a few minutes; if it lasts, tell its help desk.",
      { cause },
    );
  }
}

/** What we registered there as a client. Where `userinfo` is read it has to be signed, and with the algorithm that was agreed. */
function metadataOf(registration: Registration): Partial<ClientMetadata> {
  const { readsUserInfo } = profileOf(registration);
  const { algorithm = readsUserInfo ? "ES256" : undefined } = registration;
  return {
    [clockTolerance]: CLOCK_SECONDS,
    ...(algorithm === undefined ? {} : { id_token_signed_response_alg: algorithm }),
    ...(algorithm === undefined || !readsUserInfo ? {} : { userinfo_signed_response_alg: algorithm }),
  };
}

async function authenticationOf({ clientKey }: ProviderSettings, { clientSecret, ...registration }: Registration): Promise<ClientAuth> {
  if (clientSecret === undefined) return PrivateKeyJwt(await clientKey());
  return profileOf(registration).secretIn === "post" ? ClientSecretPost(clientSecret) : ClientSecretBasic(clientSecret);
}

/** The library's requests take the one guarded way out. */
function through({ fetchOrigin }: ProviderSettings): CustomFetch {
  return async (url, { method, headers, body, signal }) => {
    const deadline = AbortSignal.timeout(DEADLINE_MILLISECONDS);
    const fetch = fetchOrigin(new URL(url).origin, signal ? AbortSignal.any([signal, deadline]) : deadline);
    const answer = await fetch({
      method: method as "GET" | "POST",
      url,
      headers,
      ...(typeof body === "string" || body instanceof URLSearchParams ? { body: body.toString() } : {}),
    });
    const text = await answer.text();
    return new Response([204, 304].includes(answer.status) ? null : text, { status: answer.status, headers: answer.headers });
  };
}
