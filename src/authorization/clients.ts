import type { ClientMetadata } from "oidc-provider";
import type { Standings } from "../core/consent/standings.ts";
import type { Participant, PublicJwk } from "../core/register/participant.ts";
import type { Staff } from "../core/register/staff.ts";
import {
  CONSENT_GRANT,
  DETAIL_TYPE,
  GRANT_QUERY_SCOPE,
  GRANT_REVOKE_SCOPE,
  PROBE_GRANT,
  REGISTER_SCOPE,
  TRANSFERS_SCOPE,
} from "./names.ts";

interface Sources {
  issuer: string;
  standings: Standings;
  staff: Staff;
  /** Public keys of the worker, as a client. */
  workerKeys: () => Promise<PublicJwk[]>;
  /** Whether a proxy hands client certificates on. */
  takesCertificates: boolean;
}

/**
 * Clients come from the register. One that is suspended stays known: were it unknown, its old tokens would stay active and
 * introspection would fail; standing is checked where it matters (D6).
 */
export function clientFinder({
  issuer,
  standings,
  staff,
  workerKeys,
  takesCertificates,
}: Sources): (clientId: string) => Promise<ClientMetadata | undefined> {
  return async (clientId) => {
    if (clientId === `${issuer}/worker`) return workerClient(clientId, await workerKeys());
    const member = clientId.startsWith(`${issuer}/staff/`) ? staffClient(issuer, staff, clientId) : null;
    if (member !== null) return member;
    const participant = await standings.findParticipant(clientId);
    return participant ? { ...clientOfParticipant(participant, takesCertificates), ...sectorOf(participant) } : undefined;
  };
}

function workerClient(clientId: string, keys: PublicJwk[]): ClientMetadata {
  return {
    client_id: clientId,
    client_name: "Relais",
    redirect_uris: [],
    response_types: [],
    grant_types: [CONSENT_GRANT, PROBE_GRANT],
    jwks: { keys: usable(keys) },
  };
}

/** Programs of somebody with an office: accreditors, the authority, the operator. */
function staffClient(issuer: string, staff: Staff, clientId: string): ClientMetadata | null {
  const member = staff.findName(nameIn(issuer, clientId));
  if (member === null || member.keys.length === 0) return null;
  return {
    client_id: clientId,
    client_name: member.name,
    redirect_uris: [],
    response_types: [],
    grant_types: ["client_credentials"],
    scope: REGISTER_SCOPE,
    jwks: { keys: usable(member.keys) },
  };
}

function nameIn(issuer: string, clientId: string): string {
  try {
    return decodeURIComponent(clientId.slice(`${issuer}/staff/`.length));
  } catch {
    return "";
  }
}

/**
 * The sector of a pairwise subject is the participant, wherever people come back to (OpenID Connect Core §8.1). It is a name only, which the library
 * wants as an https address; nothing is fetched there.
 */
function sectorOf({ entityId }: Participant): Pick<ClientMetadata, "sector_identifier_uri"> {
  return { sector_identifier_uri: entityId.replace(/^http:/, "https:") };
}

/** As what the register knows a participant. */
export function clientOfParticipant(participant: Participant, takesCertificates: boolean): ClientMetadata {
  return { ...participantClient(participant), ...(takesCertificates ? byCertificate(participant) : {}) };
}

function participantClient(participant: Participant): ClientMetadata {
  const asks = participant.client !== null && participant.client.redirectUris.length > 0;
  return {
    client_id: participant.entityId,
    client_name: participant.name,
    redirect_uris: asks ? participant.client?.redirectUris : [],
    response_types: asks ? ["code"] : [],
    grant_types: asks ? ["authorization_code", "refresh_token", "client_credentials"] : ["client_credentials"],
    scope: (asks ? [TRANSFERS_SCOPE, REGISTER_SCOPE, GRANT_QUERY_SCOPE, GRANT_REVOKE_SCOPE] : [REGISTER_SCOPE]).join(" "),
    authorization_details_types: asks ? [DETAIL_TYPE] : [],
    jwks: { keys: usable(participant.keys) },
  };
}

/** RFC 8705 §2.2 and §3.4, where the participant says so. Elsewhere its keys prove it by assertions, as everybody's do. */
function byCertificate({ client, keys }: Participant): Partial<ClientMetadata> {
  const { authenticates = false, binds = false } = client?.mutualTls ?? {};
  return {
    ...(binds ? { tls_client_certificate_bound_access_tokens: true, dpop_bound_access_tokens: false } : {}),
    ...(authenticates ? { token_endpoint_auth_method: "self_signed_tls_client_auth", jwks: { keys: usable(keys, ["x5c"]) } } : {}),
  };
}

const PUBLIC_MEMBERS: Record<string, readonly string[]> = { EC: ["crv", "x", "y"], OKP: ["crv", "x"], RSA: ["n", "e"] };
const CURVES = ["P-256", "Ed25519"];

/** Only keys that we can verify with, and only their public members: one strange key must not shut a client out. */
function usable(keys: PublicJwk[], more: string[] = []): PublicJwk[] {
  return keys
    .filter((key) => key.use !== "enc" && key.kty in PUBLIC_MEMBERS && (key.kty === "RSA" || CURVES.includes(String(key.crv))))
    .map(
      (key) =>
        Object.fromEntries(
          ["kty", "kid", ...more, ...(PUBLIC_MEMBERS[key.kty] ?? [])]
            .filter((name) => key[name] !== undefined)
            .map((name) => [name, key[name]]),
        ) as PublicJwk,
    );
}
