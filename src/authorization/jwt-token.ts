import { randomUUID } from "node:crypto";
import { statusReference } from "../core/consent/consent-status.ts";
import { JWT_TOKEN_SECONDS } from "../core/consent/token-lifetime.ts";
import type { Clock } from "../core/ports.ts";
import { detailOf, pairwiseSubject, type LiveConsent } from "./live-consent.ts";

export interface TokenKeys {
  /** A secret shared by all our instances. */
  secret: (label: string) => Buffer;
  /** Signs a JWT of this type with the key that is current now. */
  sign: (type: string, payload: object) => Promise<string>;
}

interface Ports {
  clock: Clock;
  issuer: string;
  keys: TokenKeys;
}

/**
 * A token that its source checks by itself (RFC 9068): bound to the worker's key, for this source alone, with the consent's place in a status list.
 * It says what introspection would, and no more. We keep nothing of it, so it can be neither introspected nor revoked: the library answers
 * `unsupported_token_type` to both, because "not active" would be untrue of a token that still opens its source.
 */
export function signedToken({ clock, issuer, keys }: Ports, live: LiveConsent, jkt: string): Promise<string> {
  const iat = Math.floor(clock.now().getTime() / 1000);
  const { consent, source, account } = live;
  return keys.sign("at+jwt", {
    iss: issuer,
    aud: source.entityId,
    sub: pairwiseSubject(keys.secret("subjects"), source.entityId, consent.personId),
    client_id: `${issuer}/worker`,
    jti: randomUUID(),
    iat,
    exp: iat + JWT_TOKEN_SECONDS,
    cnf: { jkt },
    account,
    authorization_details: [detailOf(live)],
    status: statusReference(issuer, consent.statusIndex),
  });
}
