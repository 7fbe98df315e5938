import type { IncomingMessage } from "node:http";
import { errors, type Configuration, type ResourceServer } from "oidc-provider";
import type { Standings } from "../core/consent/standings.ts";
import type { Clock, OauthRecords, Peer, Store } from "../core/ports.ts";
import type { Policy } from "../core/policy/policy.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import type { Staff } from "../core/register/staff.ts";
import { validateDetails } from "./authorization-details.ts";
import { checkAssertion, CLOCK_SECONDS } from "./client-assertion.ts";
import { certificateReader, type CertificateFront } from "./client-certificate.ts";
import { clientFinder } from "./clients.ts";
import { TOKEN_SECONDS } from "./consent-grant.ts";
import { grantMetadata, grantParameters } from "./grants.ts";
import { introspectionPolicy } from "./introspection.ts";
import type { TokenKeys } from "./jwt-token.ts";
import { consentIdIn, pairwiseSubject, readLiveConsent } from "./live-consent.ts";
import {
  apiResource,
  CONSENT_GRANT,
  DETAIL_TYPE,
  GRANT_QUERY_SCOPE,
  GRANT_REVOKE_SCOPE,
  REGISTER_SCOPE,
  TRANSFERS_SCOPE,
} from "./names.ts";
import { recordsAdapter } from "./records-adapter.ts";

export interface AuthorizationPorts {
  /** Our issuer identifier: an origin, without a path. */
  issuer: string;
  store: Store;
  clock: Clock;
  policy: Policy;
  records: OauthRecords;
  standings: Standings;
  staff: Staff;
  /** Null: no client proves itself by a certificate. */
  certificates: CertificateFront | null;
  /** Our own keys: the private JWK to sign with now, public keys of the worker, and secrets shared by all our instances. */
  keys: TokenKeys & {
    signing: () => Record<string, unknown>;
    worker: () => Promise<PublicJwk[]>;
    published: () => Promise<PublicJwk[]>;
  };
}

const ALGORITHMS = ["ES256", "PS256", "Ed25519", "EdDSA"] as const;
const SCOPES = [TRANSFERS_SCOPE, REGISTER_SCOPE, GRANT_QUERY_SCOPE, GRANT_REVOKE_SCOPE];
const CODE_SECONDS = 60;
const INTERACTION_SECONDS = 3600;
const LONGEST_CONSENT_SECONDS = 400 * 24 * 3600;

/** FAPI 2.0: pushed requests, PKCE S256, private_key_jwt with the issuer as audience, DPoP with nonces, opaque tokens, signed introspection. */
export function configurationOf(ports: AuthorizationPorts): Configuration {
  return {
    adapter: recordsAdapter(
      ports.records,
      clientFinder({ ...ports, workerKeys: ports.keys.worker, takesCertificates: ports.certificates !== null }),
    ),
    jwks: { keys: [ports.keys.signing()] },
    clientAuthMethods: ports.certificates === null ? ["private_key_jwt"] : ["private_key_jwt", "self_signed_tls_client_auth"],
    clockTolerance: CLOCK_SECONDS,
    assertJwtClientAuthClaimsAndHeader: checkAssertion,
    clientDefaults: clientDefaults(),
    enabledJWA: enabledAlgorithms(),
    responseTypes: ["code"],
    scopes: SCOPES,
    subjectTypes: ["pairwise"],
    sectorIdentifierUriValidate: () => false,
    pairwiseIdentifier: async (_ctx, accountId, client) => pairwiseSubject(ports.keys.secret("subjects"), client.clientId, accountId),
    pkce: { required: () => true },
    routes: { jwks: "/.well-known/jwks.json" },
    ttl: lifetimes(),
    cookies: { keys: [ports.keys.secret("cookies").toString("base64url")] },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: accountFinder(ports),
    // An earlier grant of the same person answers nothing: each is of one consent that was given in this interaction, or given and never handed over.
    loadExistingGrant: (ctx) =>
      ctx.oidc.result?.consent?.grantId ? ctx.oidc.provider.Grant.find(ctx.oidc.result.consent.grantId) : undefined,
    expiresWithSession: () => false,
    issueRefreshToken: (_ctx, client, source) => client.grantTypeAllowed("refresh_token") && consentIdIn(source.rar) !== undefined,
    rotateRefreshToken: false,
    clientBasedCORS: () => false,
    extraParams: grantParameters(ports),
    discovery: { registration_endpoint: `${ports.issuer}/reg`, ...grantMetadata(ports.issuer), ...certificateAliases(ports) },
    renderError,
    features: featuresOf(ports),
  };
}

function clientDefaults(): NonNullable<Configuration["clientDefaults"]> {
  return {
    token_endpoint_auth_method: "private_key_jwt",
    subject_type: "pairwise",
    id_token_signed_response_alg: "ES256",
    introspection_signed_response_alg: "ES256",
    dpop_bound_access_tokens: true,
    require_pushed_authorization_requests: true,
    response_types: ["code"],
    grant_types: ["authorization_code"],
  };
}

function enabledAlgorithms(): NonNullable<Configuration["enabledJWA"]> {
  return {
    clientAuthSigningAlgValues: [...ALGORITHMS],
    dPoPSigningAlgValues: [...ALGORITHMS],
    idTokenSigningAlgValues: ["ES256"],
    introspectionSigningAlgValues: ["ES256"],
  };
}

function lifetimes(): NonNullable<Configuration["ttl"]> {
  return {
    AccessToken: TOKEN_SECONDS,
    AuthorizationCode: CODE_SECONDS,
    ClientCredentials: TOKEN_SECONDS,
    IdToken: TOKEN_SECONDS,
    Interaction: INTERACTION_SECONDS,
    Session: INTERACTION_SECONDS,
    // The consent itself is looked at whenever they are used; these only bound what is kept.
    Grant: LONGEST_CONSENT_SECONDS,
    RefreshToken: LONGEST_CONSENT_SECONDS,
  };
}

/** An account exists for a code or a refresh token only while its consent stands: after a withdrawal nothing more is issued. */
function accountFinder(ports: AuthorizationPorts): NonNullable<Configuration["findAccount"]> {
  const secret = ports.keys.secret("subjects");
  return async (ctx, accountId, token) => {
    if (token && "rar" in token && !(await stands(ports, consentIdIn(token.rar)))) return undefined;
    return { accountId, claims: () => ({ sub: pairwiseSubject(secret, ctx.oidc.client?.clientId ?? "", accountId) }) };
  };
}

function stands(ports: AuthorizationPorts, consentId: unknown): Promise<boolean> {
  return readLiveConsent(ports, consentId).then(
    () => true,
    () => false,
  );
}

function featuresOf(ports: AuthorizationPorts): NonNullable<Configuration["features"]> {
  return {
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    claimsParameter: { enabled: false },
    clientCredentials: { enabled: true },
    rpInitiatedLogout: { enabled: false },
    fapi: { enabled: true, profile: "2.0" },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
    dPoP: { enabled: true, nonceSecret: ports.keys.secret("dpop nonces"), requireNonce: () => true },
    mTLS: mutualTls(ports.certificates),
    introspection: { enabled: true, allowedPolicy: introspectionPolicy({ ...ports, subjectSecret: ports.keys.secret("subjects") }) },
    jwtIntrospection: { enabled: true },
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => apiResource(ports.issuer),
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => resourceServer(ports.issuer, resource),
    },
    richAuthorizationRequests: {
      enabled: true,
      types: {
        [DETAIL_TYPE]: {
          validate: (ctx, _detail, client) => validateDetails(ports, ctx.oidc.params?.["authorization_details"], client.clientId),
        },
      },
      authorizationDetailsForGrantSource: (ctx) => ctx.oidc.grant?.rar,
      authorizationDetailsForAccessToken: (_ctx, _token, source) => source?.rar,
      authorizationDetailsForIntrospection: (_ctx, token) => token.rar,
    },
  };
}

function mutualTls(front: CertificateFront | null): NonNullable<NonNullable<Configuration["features"]>["mTLS"]> {
  const certificateOf = certificateReader(front);
  const enabled = front !== null;
  return {
    enabled,
    certificateBoundAccessTokens: enabled,
    selfSignedTlsClientAuth: enabled,
    getCertificate: ({ req }) => certificateOf(peerOf(req)) ?? undefined,
  };
}

export function peerOf({ socket, headers }: Pick<IncomingMessage, "socket" | "headers">): Peer {
  return { address: socket.remoteAddress, header: (name) => textOf(headers[name.toLowerCase()]) };
}

const textOf = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value.join(", ") : value);

/** RFC 8705 §5: the same endpoints, where the proxy asks for certificates and browsers are not asked for theirs. */
function certificateAliases({ certificates }: AuthorizationPorts): Record<string, unknown> {
  if (certificates === null || certificates.url === null) return {};
  const { url } = certificates;
  return {
    mtls_endpoint_aliases: {
      token_endpoint: `${url}/token`,
      pushed_authorization_request_endpoint: `${url}/request`,
      introspection_endpoint: `${url}/token/introspection`,
      revocation_endpoint: `${url}/token/revocation`,
    },
  };
}

/** A platform's own token is for our API; a source is only read with the worker's token. */
function resourceServer(issuer: string, resource: string): ResourceServer {
  if (resource !== apiResource(issuer))
    throw new errors.InvalidTarget(`resource must be ${apiResource(issuer)}; sources are read by Relais with a token of ${CONSENT_GRANT}`);
  return { scope: SCOPES.join(" "), audience: resource, accessTokenFormat: "opaque", accessTokenTTL: TOKEN_SECONDS };
}

const PAGE = {
  fr: ["Cette demande ne peut pas continuer", "Retournez sur la plateforme d’où vous venez et recommencez.", "Pour la plateforme"],
  en: ["This request cannot go on", "Go back to the platform that you came from and begin again.", "For the platform"],
} as const;

/** Shown only where the platform's address is not known to be right, so that there is nowhere to send the person back to. */
const renderError: NonNullable<Configuration["renderError"]> = (ctx, out) => {
  const language = ctx.acceptsLanguages(["fr", "en"]) === "en" ? "en" : "fr";
  const [title, advice, label] = PAGE[language];
  const code = [out.error, out.error_description]
    .filter(Boolean)
    .join(": ")
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  ctx.type = "html";
  ctx.body = `<!doctype html><html lang="${language}"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title} – Relais</title><main><h1>${title}</h1><p>${advice}</p><p>${label}: ${code}</p></main></html>`;
};
