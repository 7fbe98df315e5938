import type { AccessToken, Provider } from "oidc-provider";
import { RelaisError } from "../core/errors.ts";
import type { Caller, CallerTokens, Clock, OauthRecords, Store } from "../core/ports.ts";
import type { Policy } from "../core/policy/policy.ts";
import { consentIdIn, readLiveConsent } from "./live-consent.ts";
import { apiResource } from "./names.ts";

/** Checks a DPoP proof but for its replay (`src/keys/dpop.ts`). */
export type ProofVerifier = (
  proof: string,
  expected: { method: string; url: string; accessToken: string },
) => Promise<{ jkt: string; jti: string }>;

interface Ports {
  store: Store;
  clock: Clock;
  policy: Policy;
  records: OauthRecords;
  issuer: string;
  verifyProof: ProofVerifier;
}

/** A proof may be 300 s old or ahead: its `jti` is kept for longer than both together. */
const REMEMBER_SECONDS = 660;

export function createCallerTokens(provider: Provider, ports: Ports): CallerTokens {
  return { verify: (request) => verify(provider, ports, request) };
}

async function verify(provider: Provider, ports: Ports, request: Parameters<CallerTokens["verify"]>[0]): Promise<Caller> {
  const value = /^DPoP ([A-Za-z0-9._~+/-]+=*)$/i.exec(request.authorization ?? "")?.[1];
  if (value === undefined) refuse("The request carries no access token. Send `Authorization: DPoP …`.");
  if (request.dpop === undefined) refuse("The request carries no DPoP proof.");
  const token = await provider.AccessToken.find(value);
  if (!token?.isValid || token.aud !== apiResource(ports.issuer))
    refuse("The access token is not active, or is for another resource. Ask for a new one.");
  const { jkt, jti } = await ports.verifyProof(request.dpop, { method: request.method, url: request.url, accessToken: value });
  if (token.jkt !== jkt) refuse("The access token is bound to another key.");
  await useOnce(ports, `${jkt} ${jti}`);
  return callerOf(ports, token);
}

async function useOnce({ records }: Ports, id: string): Promise<void> {
  const expiresAt = new Date(Date.now() + REMEMBER_SECONDS * 1000);
  if (!(await records.insertOnce({ model: "ApiProof", id, payload: {}, expiresAt })))
    refuse("The DPoP proof was used before. Make a new proof for each request.");
}

async function callerOf(ports: Ports, token: AccessToken): Promise<Caller> {
  const { consent, destination } = await readLiveConsent(ports, consentIdIn(token.rar));
  if (destination.entityId !== token.clientId) refuse("The access token belongs to another client.");
  return { clientEntityId: destination.entityId, participantId: destination.id, consentId: consent.id, personId: consent.personId };
}

function refuse(message: string): never {
  throw new RelaisError("unauthenticated", message);
}
