/** The grant by which the worker acts on a person's consent (docs/deviations.md). Parameters: `consent`, `resource`. */
export const CONSENT_GRANT = "urn:relais:params:oauth:grant-type:consent";

/** The one type of `authorization_details` (RFC 9396). */
export const DETAIL_TYPE = "self_data_transfer";

/** Scopes of the API at `{issuer}/v1`: transfers under a consent, and a participant's own business in the register. */
export const TRANSFERS_SCOPE = "transfers";
export const REGISTER_SCOPE = "register";
/** Looking at, and ending, what people granted (Grant Management for OAuth 2.0 §7). */
export const GRANT_QUERY_SCOPE = "grant_management_query";
export const GRANT_REVOKE_SCOPE = "grant_management_revoke";

/** Somebody with an office as a client: `{issuer}/staff/{name}`. */
export function staffClientId(issuer: string, name: string): string {
  return `${issuer}/staff/${encodeURIComponent(name)}`;
}

export function apiResource(issuer: string): string {
  return `${issuer}/v1`;
}

/**
 * The grant by which the worker reads and deletes on a participant's test account during one look (docs/deviations.md). Parameters: `run`,
 * `resource`, `datasets` and `actions` (separated by spaces).
 */
export const PROBE_GRANT = "urn:relais:params:oauth:grant-type:probe";
