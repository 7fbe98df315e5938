import type { Clock } from "../core/ports.ts";
import type { Participant, PublicJwk } from "../core/register/participant.ts";
import { trustMarkType } from "../core/register/trust-mark.ts";

export const ENDPOINTS = {
  fetch: "/federation/fetch",
  list: "/federation/list",
  resolve: "/federation/resolve",
  trustMark: "/federation/trust-mark",
  trustMarkStatus: "/federation/trust-mark-status",
  trustMarkList: "/federation/trust-mark-list",
  historicalKeys: "/federation/historical-keys",
} as const;

export const MEDIA_TYPES = {
  statement: "application/entity-statement+jwt",
  trustMark: "application/trust-mark+jwt",
  trustMarkStatus: "application/trust-mark-status-response+jwt",
  historicalKeys: "application/jwk-set+jwt",
  resolved: "application/resolve-response+jwt",
  statusList: "application/statuslist+jwt",
} as const;

/** There is no revocation of statements: a short life and the status endpoint stand in for it (§8.4). */
const STATEMENT_SECONDS = 24 * 3600;

export interface StatementPorts {
  issuer: string;
  clock: Clock;
  /** Versions of the charter whose marks we issue. */
  charterVersions: () => string[];
  keys: () => Promise<PublicJwk[]>;
  sign: (type: string, payload: object) => Promise<string>;
}

/** What Relais says of itself (§3): its keys, its endpoints, and that it alone issues the charter's trust mark. */
export async function entityConfiguration(ports: StatementPorts): Promise<string> {
  const { issuer } = ports;
  const keys = (await ports.keys()).filter((key) => key["exp"] === undefined).map(({ iat: _iat, ...key }) => key);
  return ports.sign("entity-statement+jwt", {
    iss: issuer,
    sub: issuer,
    ...lifetime(ports),
    jwks: { keys },
    metadata: { federation_entity: federationEntity(issuer), oauth_authorization_server: authorizationServer(issuer) },
    trust_mark_issuers: Object.fromEntries(ports.charterVersions().map((version) => [trustMarkType(issuer, version), [issuer]])),
  });
}

function federationEntity(issuer: string): Record<string, string> {
  return {
    organization_name: "Relais",
    federation_fetch_endpoint: `${issuer}${ENDPOINTS.fetch}`,
    federation_resolve_endpoint: `${issuer}${ENDPOINTS.resolve}`,
    federation_list_endpoint: `${issuer}${ENDPOINTS.list}`,
    federation_trust_mark_endpoint: `${issuer}${ENDPOINTS.trustMark}`,
    federation_trust_mark_status_endpoint: `${issuer}${ENDPOINTS.trustMarkStatus}`,
    federation_trust_mark_list_endpoint: `${issuer}${ENDPOINTS.trustMarkList}`,
    federation_historical_keys_endpoint: `${issuer}${ENDPOINTS.historicalKeys}`,
  };
}

function authorizationServer(issuer: string): Record<string, string> {
  return { issuer, jwks_uri: `${issuer}/.well-known/jwks.json`, introspection_endpoint: `${issuer}/token/introspection` };
}

/** What Relais says of a participant (§3.1.3): the keys that it is known by. */
export function subordinateStatement(ports: StatementPorts, participant: Participant): Promise<string> {
  const keys = participant.keys.filter((key) => key.kid !== undefined);
  return ports.sign("entity-statement+jwt", {
    iss: ports.issuer,
    sub: participant.entityId,
    ...lifetime(ports),
    jwks: { keys },
    // Whoever asks for tokens here proves itself by its own key, and nothing else.
    metadata_policy: { oauth_client: { token_endpoint_auth_method: { value: "private_key_jwt" } } },
    source_endpoint: `${ports.issuer}${ENDPOINTS.fetch}`,
  });
}

/** Keys of the past, so that old statements still verify (§8.7). */
export async function historicalKeys(ports: StatementPorts): Promise<string> {
  const keys = (await ports.keys()).filter((key) => key["exp"] !== undefined);
  return ports.sign("jwk-set+jwt", { iss: ports.issuer, iat: lifetime(ports).iat, keys });
}

function lifetime({ clock }: { clock: Clock }): { iat: number; exp: number } {
  const iat = Math.floor(clock.now().getTime() / 1000);
  return { iat, exp: iat + STATEMENT_SECONDS };
}
