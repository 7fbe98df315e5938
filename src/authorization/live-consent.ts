import { createHmac } from "node:crypto";
import type { AuthorizationDetail } from "oidc-provider";
import { checkStanding, type Standing } from "../core/consent/check-consent.ts";
import type { Consent } from "../core/consent/consent.ts";
import { presentConsent } from "../core/consent/succession.ts";
import { RelaisError } from "../core/errors.ts";
import { isId } from "../core/ids.ts";
import type { Policy } from "../core/policy/policy.ts";
import type { StandingReader, Standings } from "../core/consent/standings.ts";
import type { Clock, Store } from "../core/ports.ts";
import { DETAIL_TYPE } from "./names.ts";

export interface LiveConsent extends Standing {
  /** The source's own name of the account: for the source only. */
  account: string;
}

/**
 * The consent that a token stands on, as it is now. Where the person changed or renewed it, the one that holds instead: a change asks nothing new of
 * the participant.
 * @throws RelaisError `consent_missing`, `consent_ended`, `not_accredited`, `condition_unmet`.
 */
export async function readLiveConsent(ports: LivePorts, consentId: unknown): Promise<LiveConsent> {
  if (!isId("consent", consentId)) throw new RelaisError("consent_missing", "There is no such consent.");
  return liveAsRead(ports, await ports.standings.find(consentId, ports.clock.now()));
}

/** The same of what was just read. */
export async function liveAsRead(ports: LivePorts, read: Awaited<ReturnType<Standings["find"]>>): Promise<LiveConsent> {
  if (read === null) throw new RelaisError("not_found", "There is no consent with this id.");
  const terms = { policy: ports.policy, now: ports.clock.now() };
  if (read.consent.state !== "superseded") return live(read.reader, read.consent, terms);
  return ports.store.read(async (r) => live(r, await presentConsent(r, read.consent.id), terms));
}

export interface LivePorts {
  store: Store;
  standings: Standings;
  clock: Clock;
  policy: Policy;
}

async function live(r: StandingReader, consent: Consent, terms: { policy: Policy; now: Date }): Promise<LiveConsent> {
  const standing = await checkStanding(r, consent, terms);
  return { ...standing, account: (await r.people.getLink(consent.sourceLinkId)).account };
}

/** What the person allowed, never more (docs/self-data-transfer.md, source side). */
export function detailOf({ consent, source, destination }: Standing): AuthorizationDetail {
  return {
    type: DETAIL_TYPE,
    actions: [consent.action],
    locations: [source.entityId],
    datasets: consent.datasets,
    purpose: consent.notice.purpose.iri,
    destination: destination.entityId,
    ...optional(consent),
    consent: consent.id,
  };
}

function optional({ notice }: Consent): Record<string, string> {
  const { recurrence, retention, expires } = notice;
  return { ...(recurrence === null ? {} : { recurrence }), expires, ...(retention === null ? {} : { retention }) };
}

/** The consent's id in the details of a token of ours. */
export function consentIdIn(details: readonly AuthorizationDetail[] | undefined): unknown {
  return details?.[0]?.consent;
}

/** A name of the person for one client: two clients cannot compare theirs, and neither learns ours (OpenID Connect Core §8.1). */
export function pairwiseSubject(secret: Buffer, clientId: string, personId: string): string {
  return createHmac("sha256", secret).update(`${clientId}\n${personId}`).digest("base64url");
}
