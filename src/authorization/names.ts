/** The grant by which the worker acts on a person's consent (docs/deviations.md). Parameters: `consent`, `resource`. */
export const CONSENT_GRANT = "urn:relais:params:oauth:grant-type:consent";

/** The one type of `authorization_details` (RFC 9396). */
export const DETAIL_TYPE = "self_data_transfer";

/** Scope of the API at `{issuer}/v1`. */
export const TRANSFERS_SCOPE = "transfers";

export function apiResource(issuer: string): string {
  return `${issuer}/v1`;
}
