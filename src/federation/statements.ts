import type { TrustMarkOwner } from "../core/federation/statement.ts";
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
  /** By type of mark, where somebody else owns it and lets us issue it (§7.2); absent where Relais is its own owner. */
  trustMarkOwners?: () => Promise<Record<string, TrustMarkOwner>>;
  keys: () => Promise<PublicJwk[]>;
  sign: (type: string, payload: object) => Promise<string>;
}

/** What Relais says of itself (§3): its keys, its endpoints, and that it alone issues the charter's trust mark. */
export async function entityConfiguration(ports: StatementPorts): Promise<string> {
  const { issuer } = ports;
  const owners = (await ports.trustMarkOwners?.()) ?? {};
  const keys = (await presentKeys(ports)).map(({ iat: _iat, nbf: _nbf, exp: _exp, revoked: _revoked, ...key }) => key);
  return ports.sign("entity-statement+jwt", {
    iss: issuer,
    sub: issuer,
    ...lifetime(ports),
    jwks: { keys },
    metadata: { federation_entity: federationEntity(issuer), oauth_authorization_server: authorizationServer(issuer) },
    ...(Object.keys(owners).length > 0 ? { trust_mark_owners: owners } : {}),
    trust_mark_issuers: Object.fromEntries(ports.charterVersions().map((version) => [trustMarkType(issuer, version), [issuer]])),
  });
}

/** Those that sign now or that will: whoever keeps our configuration knows the next key before it is used. */
export async function presentKeys({ keys, clock }: Pick<StatementPorts, "keys" | "clock">): Promise<PublicJwk[]> {
  const seconds = clock.now().getTime() / 1000;
  return (await keys()).filter((key) => key["exp"] === undefined || Number(key["exp"]) > seconds);
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

/** What Relais says of a participant (§3.1.3): the keys of its statements that the register knows. */
export function subordinateStatement(ports: StatementPorts, participant: Participant): Promise<string> {
  const keys = (participant.federationKeys ?? []).filter((key) => key.kid !== undefined);
  return ports.sign("entity-statement+jwt", {
    iss: ports.issuer,
    sub: participant.entityId,
    ...lifetime(ports),
    jwks: { keys },
    // Participants have nobody below them, and are what the register knows them as.
    constraints: { max_path_length: 0, allowed_entity_types: [...STANDARD_TYPES, ...roleTypes(participant)] },
    metadata: registered(participant),
    // Whoever asks for tokens here proves itself by its own key, and nothing else.
    metadata_policy: { oauth_client: { token_endpoint_auth_method: { value: "private_key_jwt" } } },
    source_endpoint: `${ports.issuer}${ENDPOINTS.fetch}`,
  });
}

/** What an entity may be beside its roles here (§5.1). */
const STANDARD_TYPES = ["oauth_client", "openid_relying_party", "oauth_authorization_server", "openid_provider", "oauth_resource"];

const roleTypes = ({ roles }: Participant): string[] => roles.filter((role) => role !== "service").map((role) => `self_data_${role}`);

/**
 * Where people's data goes, as the register says it: what a participant publishes counts once somebody looked at it, and until then nobody who
 * follows the chain may be led there. It stands instead of what the subject says (§3.1.3 `metadata`).
 */
function registered(participant: Participant): Record<string, Record<string, string>> {
  const { export: from, inbox, issuer } = participant.endpoints;
  const both = { ...(from ? { export_endpoint: from } : {}), ...(issuer ? { issuer } : {}) };
  const members = { self_data_holder: both, self_data_platform: { ...both, ...(inbox ? { inbox_endpoint: inbox } : {}) } };
  return Object.fromEntries(Object.entries(members).filter(([type]) => roleTypes(participant).includes(type)));
}

/** Keys of the past, so that old statements still verify (§8.7); those that are to come are announced in the configuration. */
export async function historicalKeys(ports: StatementPorts): Promise<string> {
  const seconds = lifetime(ports).iat;
  const keys = (await ports.keys()).filter((key) => Number(key["exp"]) <= seconds);
  return ports.sign("jwk-set+jwt", { iss: ports.issuer, iat: seconds, keys: keys.map(({ nbf: _nbf, ...key }) => key) });
}

function lifetime({ clock }: { clock: Clock }): { iat: number; exp: number } {
  const iat = Math.floor(clock.now().getTime() / 1000);
  return { iat, exp: iat + STATEMENT_SECONDS };
}
