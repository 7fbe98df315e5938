import type { AccessToken, ClientCredentials, Provider } from "oidc-provider";
import { RelaisError } from "../core/errors.ts";
import type { ParticipantId } from "../core/ids.ts";
import type { Standings } from "../core/consent/standings.ts";
import type { ApiRequest, Caller, CallerTokens, Clock, OauthRecords, Store } from "../core/ports.ts";
import type { Policy } from "../core/policy/policy.ts";
import { certificateHash, certificateReader, type CertificateFront } from "./client-certificate.ts";
import { consentIdIn, readLiveConsent } from "./live-consent.ts";
import type { RegisterCaller } from "../core/register/register-caller.ts";
import type { Staff } from "../core/register/staff.ts";
import { apiResource, REGISTER_SCOPE, staffClientId } from "./names.ts";

/** Checks a DPoP proof but for its replay (`src/keys/dpop.ts`). */
export type ProofVerifier = (
  proof: string,
  expected: { method: string; url: string; accessToken: string },
) => Promise<{ jkt: string; jti: string }>;

interface Ports {
  store: Store;
  standings: Standings;
  clock: Clock;
  policy: Policy;
  records: OauthRecords;
  issuer: string;
  staff: Staff;
  verifyProof: ProofVerifier;
  certificates: CertificateFront | null;
}

/** A proof may be 300 s old or ahead: its `jti` is kept for longer than both together. */
const REMEMBER_SECONDS = 660;

export function createCallerTokens(provider: () => Provider, ports: Ports): CallerTokens {
  return {
    verify: async (request) => callerOf(ports, await boundToken((value) => provider().AccessToken.find(value), ports, request)),
    verifyRegister: async (request) =>
      registerCallerOf(ports, await boundToken((value) => provider().ClientCredentials.find(value), ports, request)),
  };
}

/** An active token of this kind for our API, shown with a proof of its key that was not used before (RFC 9449 §4.3, §7.1). */
async function boundToken<T extends AccessToken | ClientCredentials>(
  find: (value: string) => Promise<T | undefined>,
  ports: Ports,
  request: ApiRequest,
): Promise<T> {
  const [, scheme = "", value] = /^(DPoP|Bearer) ([A-Za-z0-9._~+/-]+=*)$/i.exec(request.authorization ?? "") ?? [];
  if (value === undefined) refuse("The request carries no access token. Send `Authorization: DPoP …`.");
  if (scheme.toLowerCase() === "bearer") return certificateBoundToken(await find(value), ports, request);
  if (request.dpop === undefined) refuse("The request carries no DPoP proof.");
  const token = await find(value);
  mustBeActive(token, ports);
  const { jkt, jti } = await ports.verifyProof(request.dpop, { method: request.method, url: request.url, accessToken: value });
  if (token.jkt !== jkt) refuse("The access token is bound to another key.");
  await useOnce(ports, `${jkt} ${jti}`);
  return token;
}

function mustBeActive<T extends AccessToken | ClientCredentials>(token: T | undefined, ports: Ports): asserts token is T {
  if (!token?.isValid || token.aud !== apiResource(ports.issuer))
    refuse("The access token is not active, or is for another resource. Ask for a new one.");
}

/** RFC 8705 §3: the certificate is the proof. A token that is bound to a DPoP key, or to nothing, is not taken as a bearer's. */
function certificateBoundToken<T extends AccessToken | ClientCredentials>(token: T | undefined, ports: Ports, { peer }: ApiRequest): T {
  const certificate = peer === undefined ? null : certificateReader(ports.certificates)(peer);
  if (certificate === null) refuse("The access token needs its DPoP proof, or the client certificate that it is bound to.");
  mustBeActive(token, ports);
  if ((token as unknown as Record<string, unknown>)["x5t#S256"] !== certificateHash(certificate))
    refuse("The access token is not bound to this client certificate.");
  return token;
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

/** A participant's program with a token of its own (client credentials) for this scope. @throws RelaisError `unauthenticated`, `forbidden`. */
export function participantCalls(provider: () => Provider, ports: Ports) {
  return async (request: ApiRequest, scope: string): Promise<{ participantId: ParticipantId; clientId: string }> => {
    const token = await boundToken((value) => provider().ClientCredentials.find(value), ports, request);
    if (!hasScope(token, scope))
      throw new RelaisError("forbidden", `The access token is not for this. Ask for one with scope \`${scope}\`.`);
    const clientId = String(token.clientId);
    const participant = await ports.standings.findParticipant(clientId);
    if (participant === null) refuse("The access token belongs to nobody in the register.");
    return { participantId: participant.id, clientId };
  };
}

function hasScope(token: ClientCredentials, scope: string): boolean {
  return token.scope?.split(" ").includes(scope) === true;
}

/** Read at each use: whoever lost an office, or left the register, is nobody with the next request. */
async function registerCallerOf({ issuer, staff, standings }: Ports, token: ClientCredentials): Promise<RegisterCaller> {
  if (!hasScope(token, REGISTER_SCOPE)) refuse("The access token is not for the register. Ask for one with scope `register`.");
  const clientId = String(token.clientId);
  const prefix = staffClientId(issuer, "");
  if (clientId.startsWith(prefix)) {
    const member = staff.findName(decodeURIComponent(clientId.slice(prefix.length)));
    if (member === null) refuse("This office ended.");
    return { kind: member.office, name: member.name, person: member.person };
  }
  const participant = await standings.findParticipant(clientId);
  if (participant === null) refuse("The access token belongs to nobody in the register.");
  return { kind: "participant", participantId: participant.id, entityId: clientId, name: participant.name };
}

function refuse(message: string): never {
  throw new RelaisError("unauthenticated", message);
}
