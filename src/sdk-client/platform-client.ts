import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrlWithPAR,
  clientCredentialsGrant,
  calculatePKCECodeChallenge,
  type Configuration,
  discovery,
  fetchProtectedResource,
  getDPoPHandle,
  PrivateKeyJwt,
  randomPKCECodeVerifier,
  randomState,
} from "openid-client";
import type { Language } from "../core/catalogue/data-set.ts";
import { PURPOSES } from "../core/consent/consent.ts";
import { type Connection, type Grant, grantOf, type KeptGrant, keptGrant } from "./grant.ts";
import { importSigningKey, keepKey, type KeptKey, newProofKey, openKey } from "./proof-key.ts";
import { answerOf, asRefusal } from "./refusals.ts";

export { RelaisError } from "../core/errors.ts";
export type { Grant, KeptGrant, ToldTransfer } from "./grant.ts";

export interface PlatformSettings {
  /** Relais' issuer identifier. */
  issuer: string;
  /** Your own entity identifier, which is your name as a client. */
  entityId: string;
  /** One of those that you publish under `oauth_client.redirect_uris`. */
  redirectUri: string;
  /** Private JWK with `kid`; its public half is in your entity configuration under `oauth_client.jwks`. `alg` is ES256 where it says none. */
  key: JsonWebKey & { kid?: string };
}

export interface Asked {
  /** Entity identifier of the source. */
  holder: string;
  /** What you ask for; the person can allow less. */
  datasets: readonly string[];
  language: Language;
  /** A DPV IRI of those that Relais knows; keeping and using the data in a personal space by default. */
  purpose?: string;
  /** Last day of the consent (RFC 3339 full-date); in thirty days by default. */
  expires?: string;
  /** Time between deliveries (ISO 8601 duration, such as `P1D`); a single delivery where it is left out. */
  recurrence?: string;
  /** The grant that this changes as a whole (Grant Management, draft 03): the person sees the difference. A new one where it is left out. */
  replaces?: string;
  /** How long you keep the data (ISO 8601 duration); until the person deletes it where it is left out. */
  retention?: string;
}

/** What you keep between the request and its answer, as JSON. It holds a private key: keep it like a password, beside the browser that began. */
export interface KeptRequest {
  state: string;
  verifier: string;
  proofKey: KeptKey;
}

/** A request that waits at Relais for the person's answer. */
export interface Pending {
  /** Where the browser goes. Nothing that names the person, or what is asked, is in it. */
  url: URL;
  state: string;
  kept: KeptRequest;
  /**
   * Redeems the answer: `callback` is the whole address at which the browser came back. Its issuer (RFC 9207) and state are checked before the code
   * is shown to anybody, and the tokens are bound to the request's own key.
   * @throws RelaisError `consent_missing` where the person said no.
   */
  redeem(callback: URL): Promise<Grant>;
}

/** A platform as an OAuth client of Relais (FAPI 2.0). Every method throws a RelaisError that tells who can mend it. */
export interface PlatformClient {
  /** Pushes a request (RFC 9126, RFC 9396) with PKCE (RFC 7636), bound to a DPoP key of its own (RFC 9449 §10.1). */
  begin(asked: Asked): Promise<Pending>;
  /** Goes on with a request that another process began. */
  resume(kept: KeptRequest): Promise<Pick<Pending, "redeem">>;
  /** Goes on with what a person allowed, from what was kept of it. */
  restore(kept: KeptGrant): Promise<Grant>;
  /** Gives back what a person allowed, before its time (Grant Management, draft 03 §7.4). @throws RelaisError `not_found` where it has ended. */
  endGrant(grantId: string): Promise<void>;
}

export function createPlatformClient(settings: PlatformSettings): PlatformClient {
  const configurations = discovered(settings);
  return {
    begin: (asked) => begin(settings, configurations, asked).catch(asRefusal),
    resume: (kept) => resume(settings, configurations, kept).catch(asRefusal),
    restore: (kept) => restore(settings, configurations, kept).catch(asRefusal),
    endGrant: (grantId) => endGrant(settings, configurations, grantId).catch(asRefusal),
  };
}

type Configurations = () => Promise<Configuration>;

const KEEP_MILLISECONDS = 600_000;
const DEADLINE_SECONDS = 15;

/** Relais' own description (RFC 8414), kept for ten minutes. A failure is not kept. */
function discovered({ issuer, entityId, key }: PlatformSettings): Configurations {
  let known: { until: number; configuration: Promise<Configuration> } | null = null;
  const read = async (): Promise<Configuration> => {
    const signingKey = await importSigningKey(key);
    // Plain http is for a Relais on this machine: the register takes no other http address.
    const execute = issuer.startsWith("http:") ? [allowInsecureRequests] : [];
    const authentication = PrivateKeyJwt({ key: signingKey, ...(key.kid === undefined ? {} : { kid: key.kid }) });
    return discovery(new URL(issuer), entityId, undefined, authentication, { algorithm: "oauth2", timeout: DEADLINE_SECONDS, execute });
  };
  return () => {
    if (known && known.until > Date.now()) return known.configuration;
    const configuration = read();
    known = { until: Date.now() + KEEP_MILLISECONDS, configuration };
    configuration.catch(() => (known = null));
    return configuration;
  };
}

const apiOf = ({ issuer }: PlatformSettings): string => `${issuer}/v1`;

async function begin(settings: PlatformSettings, configurations: Configurations, asked: Asked): Promise<Pending> {
  const kept: KeptRequest = { state: randomState(), verifier: randomPKCECodeVerifier(), proofKey: await keepKey(await newProofKey()) };
  const connection = await connect(settings, configurations, kept.proofKey);
  const parameters = {
    redirect_uri: settings.redirectUri,
    state: kept.state,
    code_challenge: await calculatePKCECodeChallenge(kept.verifier),
    code_challenge_method: "S256",
    authorization_details: JSON.stringify([detailOf(settings.entityId, asked)]),
    resource: apiOf(settings),
    ui_locales: asked.language,
    ...(asked.replaces === undefined ? {} : { grant_management_action: "replace", grant_id: asked.replaces }),
  };
  const url = await buildAuthorizationUrlWithPAR(connection.configuration, parameters, { DPoP: connection.DPoP });
  return { url, state: kept.state, kept, redeem: redeemer(connection, kept) };
}

async function resume(settings: PlatformSettings, configurations: Configurations, kept: KeptRequest): Promise<Pick<Pending, "redeem">> {
  return { redeem: redeemer(await connect(settings, configurations, kept.proofKey), kept) };
}

function redeemer(connection: Connection, { state, verifier }: KeptRequest): Pending["redeem"] {
  const { configuration, DPoP, resource } = connection;
  const checks = { expectedState: state, pkceCodeVerifier: verifier };
  const redeem = async (callback: URL): Promise<Grant> =>
    grantOf(connection, keptGrant(await authorizationCodeGrant(configuration, callback, checks, { resource }, { DPoP }), connection));
  return (callback) => redeem(callback).catch(asRefusal);
}

async function restore(settings: PlatformSettings, configurations: Configurations, kept: KeptGrant): Promise<Grant> {
  return grantOf(await connect(settings, configurations, kept.proofKey), kept);
}

async function endGrant(settings: PlatformSettings, configurations: Configurations, grantId: string): Promise<void> {
  const { configuration, DPoP, resource } = await connect(settings, configurations, await keepKey(await newProofKey()));
  const { access_token: token } = await clientCredentialsGrant(configuration, { scope: "grant_management_revoke", resource }, { DPoP });
  const url = new URL(`${settings.issuer}/grants/${encodeURIComponent(grantId)}`);
  const answer = await fetchProtectedResource(configuration, token, url, "DELETE", null, new Headers(), { DPoP });
  if (answer.status !== 204) await answerOf(answer);
}

async function connect(settings: PlatformSettings, configurations: Configurations, proofKey: KeptKey): Promise<Connection> {
  const configuration = await configurations();
  return { configuration, DPoP: getDPoPHandle(configuration, await openKey(proofKey)), resource: apiOf(settings), proofKey };
}

const DAYS_TO_DELIVER = 30;

/** What is asked of the person (RFC 9396); they can allow less of it. */
function detailOf(entityId: string, { holder, datasets, purpose, expires, recurrence, retention }: Asked): object {
  return {
    type: "self_data_transfer",
    actions: ["copy"],
    locations: [holder],
    datasets,
    purpose: purpose ?? PURPOSES[0].iri,
    destination: entityId,
    expires: expires ?? new Date(Date.now() + DAYS_TO_DELIVER * 86_400_000).toISOString().slice(0, 10),
    ...(recurrence === undefined ? {} : { recurrence }),
    ...(retention === undefined ? {} : { retention }),
  };
}
