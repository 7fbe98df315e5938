import type { AccessToken, AuthorizationDetail, Client, ClientCredentials, KoaContextWithOIDC, RefreshToken } from "oidc-provider";
import { RelaisError } from "../core/errors.ts";
import type { Standings } from "../core/consent/standings.ts";
import type { Clock, Store } from "../core/ports.ts";
import { readLook } from "./probe-grant.ts";
import type { Policy } from "../core/policy/policy.ts";
import { consentIdIn, detailOf, pairwiseSubject, readLiveConsent, type LiveConsent } from "./live-consent.ts";

type Token = AccessToken | ClientCredentials | RefreshToken;
interface Ports {
  store: Store;
  standings: Standings;
  clock: Clock;
  policy: Policy;
  issuer: string;
  subjectSecret: Buffer;
}

/**
 * Answers `active: false` where this client may not look, or where the right is gone: the consent ended, or one end lost its
 * accreditation. What the answer says is read now, not what the token was made with (D5, D6).
 */
export function introspectionPolicy(ports: Ports): (ctx: KoaContextWithOIDC, client: Client, token: Token) => Promise<boolean> {
  return async (_ctx, client, token) => {
    const probe = token.rar?.[0]?.["probe"];
    if (probe !== undefined) return tellOfLook(ports, client, token, probe);
    const own = token.clientId === client.clientId;
    const asSource = token.clientId === `${ports.issuer}/worker` && "aud" in token && token.aud === client.clientId;
    const live = own || asSource ? await orNull(readLiveConsent(ports, consentIdIn(token.rar))) : null;
    if (live === null) return false;
    const { authorization_details: details, ...extra } = answerToSource(live);
    token.rar = details;
    Object.assign(token, {
      extra: asSource ? extra : { sub: pairwiseSubject(ports.subjectSecret, client.clientId, live.consent.personId) },
    });
    return true;
  };
}

/** A token for a test account is active for the participant that is looked at, while the look runs. */
async function tellOfLook(ports: Ports, client: Client, token: Token, runId: unknown): Promise<boolean> {
  const look = await readLook(ports, runId);
  if (look === null || look.participant.entityId !== client.clientId) return false;
  Object.assign(token, { extra: { account: look.testAccount } });
  return true;
}

/** What a source is told of a token beside what the token says itself: read now. */
export function answerToSource(live: LiveConsent): { account: string; authorization_details: AuthorizationDetail[] } {
  return { account: live.account, authorization_details: [detailOf(live)] };
}

/** Null where the right is gone. */
export async function orNull(consent: Promise<LiveConsent>): Promise<LiveConsent | null> {
  try {
    return await consent;
  } catch (error) {
    if (
      error instanceof RelaisError &&
      ["consent_missing", "consent_ended", "not_accredited", "condition_unmet", "assurance_too_low", "not_found"].includes(error.code)
    )
      return null;
    throw error;
  }
}
