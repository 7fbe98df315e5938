import {
  allowInsecureRequests,
  clientCredentialsGrant,
  type Configuration,
  discovery,
  type DPoPHandle,
  fetchProtectedResource,
  getDPoPHandle,
  PrivateKeyJwt,
  WWWAuthenticateChallengeError,
} from "openid-client";
import type { PlatformSettings } from "./platform-client.ts";
import { importSigningKey, newProofKey } from "./proof-key.ts";

/** Sends requests of a participant to Relais' API in its own name: to the mailbox, for a platform without an address. */
export type ParticipantCall = (
  method: "GET" | "PUT",
  path: string,
  sent?: { headers?: Record<string, string>; body?: string },
) => Promise<Response>;

const DEADLINE_SECONDS = 30;

/**
 * Proves the participant by its key (RFC 7523), for a token of the scope `register` that is bound to a key of its own (RFC 9449). A token whose time
 * is over is renewed once. Nothing is kept: another process begins anew.
 */
export function createParticipantCall({ issuer, entityId, key }: Pick<PlatformSettings, "issuer" | "entityId" | "key">): ParticipantCall {
  let session: Promise<Session> | null = null;
  const opened = (): Promise<Session> => {
    session ??= open({ issuer, entityId, key });
    session.catch(() => (session = null));
    return session;
  };
  return async (method, path, { headers = {}, body } = {}) => {
    const send = async (): Promise<Response> => {
      const { configuration, token, DPoP } = await opened();
      return fetchProtectedResource(configuration, token, new URL(`${issuer}${path}`), method, body, new Headers(headers), { DPoP });
    };
    return send().catch(async (error: unknown) => {
      if (!(error instanceof WWWAuthenticateChallengeError)) throw error;
      session = null;
      return send();
    });
  };
}

interface Session {
  configuration: Configuration;
  token: string;
  DPoP: DPoPHandle;
}

async function open({ issuer, entityId, key }: Pick<PlatformSettings, "issuer" | "entityId" | "key">): Promise<Session> {
  const authentication = PrivateKeyJwt({ key: await importSigningKey(key), ...(key.kid === undefined ? {} : { kid: key.kid }) });
  // Plain http is for a Relais on this machine: the register takes no other http address.
  const execute = issuer.startsWith("http:") ? [allowInsecureRequests] : [];
  const settings = { algorithm: "oauth2", timeout: DEADLINE_SECONDS, execute } as const;
  const configuration = await discovery(new URL(issuer), entityId, undefined, authentication, { ...settings, execute: [...execute] });
  const DPoP = getDPoPHandle(configuration, await newProofKey());
  const { access_token: token } = await clientCredentialsGrant(configuration, { scope: "register", resource: `${issuer}/v1` }, { DPoP });
  return { configuration, token, DPoP };
}
