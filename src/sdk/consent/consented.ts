import { ConsentError } from "../consent-error.ts";

/** What a token says, by introspection or by itself (docs/self-data-transfer.md, source side). */
export interface TokenClaims {
  active?: boolean;
  aud?: string | string[];
  exp?: number;
  cnf?: { jkt?: string };
  account?: string;
  authorization_details?: Detail[];
}

interface Detail {
  type: string;
  actions?: string[];
  locations?: string[];
  datasets?: string[];
  destination?: string;
  expires?: string;
  consent?: string;
}

/** What a request may do here, as the person allowed it. */
export interface Consented {
  /** Id of the consent; null where Relais looks at the test account that you publish. */
  consent: string | null;
  /** Your own name of the account. */
  account: string;
  /** What the person ticked; the one that was asked for is among them. */
  datasets: ReadonlySet<string>;
  actions: ReadonlySet<string>;
  /** Last day of the consent (RFC 3339 full-date); null where the token names none. */
  expires: string | null;
  /** Entity identifier of the platform that the data goes to; null where there is none (a deletion). */
  destination: string | null;
}

/** What the handler is about to do. */
export interface Need {
  /** The data set; left out where every one of the consent will do, as in a list of them: then filter by `datasets`. */
  dataset?: string | undefined;
  /** `copy` unless it is said: reading. */
  action?: string | readonly string[] | undefined;
}

interface Expected {
  entityId: string;
  jkt: string;
}

/**
 * Whom and what the token opens here: it is bound to the key that made the proof, it is for this source, and the person's narrowing holds
 * (RFC 9396 §9, RFC 9449 §7.1).
 * @throws ConsentError
 */
export function consentedBy(claims: TokenClaims, { entityId, jkt }: Expected, need: Need): Consented {
  if (claims.cnf?.jkt !== jkt) throw new ConsentError("key_mismatch");
  if (![claims.aud ?? []].flat().includes(entityId)) throw new ConsentError("audience_mismatch");
  const detail = detailFor(claims.authorization_details, entityId);
  if (detail === undefined || typeof claims.account !== "string") throw new ConsentError("consent_missing");
  const { consent = null, expires = null, destination = null, datasets, actions } = detail;
  const allowed = { datasets: new Set(datasets), actions: new Set(actions) };
  refuseWider(allowed, need);
  return { consent, account: claims.account, ...allowed, expires, destination };
}

function refuseWider({ datasets, actions }: Record<"datasets" | "actions", Set<string>>, { dataset, action = "copy" }: Need): void {
  if (![action].flat().some((one) => actions.has(one))) throw new ConsentError("consent_missing", { says: MISSING.action });
  if (dataset !== undefined && !datasets.has(dataset)) throw new ConsentError("consent_missing", { says: MISSING.dataset });
}

const MISSING = {
  action: "The consent does not allow this action. The person can ask for it at Relais.",
  dataset: "The consent does not cover this data set. The person can give a wider one at Relais.",
};

/** One token carries one consent; a detail of another type, or about another source, opens nothing here. */
function detailFor(details: unknown, entityId: string): Detail | undefined {
  const list = Array.isArray(details) ? (details as Detail[]) : [];
  return list.find(({ type, locations }) => type === "self_data_transfer" && Array.isArray(locations) && locations.includes(entityId));
}
