import { generateKeyPairSync, randomUUID } from "node:crypto";
import express from "express";
import { Provider, type Configuration } from "oidc-provider";
import { listen, type Listening } from "./authorization-server.ts";

/** As it is registered there; encryption is for FranceConnect+. */
export interface ClientChoice {
  id: string;
  algorithm: "ES256" | "RS256";
  encrypts: boolean;
  callback: string;
}

export interface RealFranceConnect {
  issuer: string;
  secret: string;
  /** Who signs in, and at which level. */
  state: { subject: string; acr: string };
  seen: { authorizations: Record<string, string>[]; logouts: Record<string, string>[]; encrypted: string[] };
  listening: Listening;
}

const BASE = "/api/v2";
const jwkOf = (alg: string) => {
  const { privateKey } =
    alg === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), alg, use: "sig", kid: alg };
};

/**
 * `oidc-provider` with the settings that FranceConnect publishes of its own (france-connect/sources, core-fcp-high/src/config/oidc-provider.ts): pairwise
 * subjects, a secret in the body, ES256 and RS256, ECDH-ES with A256GCM, a signed `userinfo`, `claims`, `prompt` always `login`, tokens of 60 s, logout.
 */
export async function startRealFranceConnect(relais: string, clients: ClientChoice[]): Promise<RealFranceConnect> {
  const listening = await listen();
  const issuer = `${listening.origin}${BASE}`;
  const france: RealFranceConnect = {
    issuer,
    secret: randomUUID(),
    state: { subject: "marianne", acr: "eidas2" },
    seen: { authorizations: [], logouts: [], encrypted: [] },
    listening,
  };
  const provider = new Provider(issuer, configurationOf(france, relais, clients));
  provider.on("grant.success", (ctx) => void france.seen.encrypted.push(String((ctx.body as { id_token?: string }).id_token)));
  const app = express();
  app.get("/interaction/:uid", (req, res) => {
    const login = { accountId: france.state.subject, acr: france.state.acr };
    return provider.interactionFinished(req, res, { login }, { mergeWithLastSubmission: false });
  });
  app.use(BASE, (req, _res, next) => {
    const query = req.query as Record<string, string>;
    if (req.path === "/authorize") {
      france.seen.authorizations.push(query);
      // Whatever was asked for, everybody signs in; `max_age` is not known there.
      req.url = `/authorize?${new URLSearchParams({ ...query, prompt: "login" })}`.replace(/&max_age=\d+/, "");
    }
    if (req.path === "/session/end" && req.method === "GET") france.seen.logouts.push(query);
    next();
  });
  const callback = provider.callback();
  app.use(BASE, (req, res) => void callback(req, res));
  listening.serve(app);
  return france;
}

function configurationOf({ secret, issuer }: RealFranceConnect, relais: string, clients: ClientChoice[]): Configuration {
  const algorithms = ["ES256", "RS256"] as const;
  return {
    clients: clients.map((choice) => clientOf(choice, secret, relais)),
    jwks: { keys: algorithms.map(jwkOf) },
    routes: { authorization: "/authorize", token: "/token", userinfo: "/userinfo", jwks: "/jwks", end_session: "/session/end" },
    subjectTypes: ["pairwise"],
    pairwiseIdentifier: (_ctx, accountId, { clientId }) => `${accountId} at ${clientId}`,
    clientAuthMethods: ["client_secret_post", "private_key_jwt"],
    responseTypes: ["code"],
    scopes: ["openid"],
    claims: { openid: ["sub"] },
    acrValues: ["eidas1", "eidas2", "eidas3"],
    pkce: { required: () => false },
    ttl: { AccessToken: 60, AuthorizationCode: 30, IdToken: 60, Interaction: 600, Session: 600, Grant: 30 },
    cookies: {
      keys: [randomUUID()],
      names: { session: `fc${new URL(issuer).port}`, interaction: `fci${new URL(issuer).port}`, resume: `fcr${new URL(issuer).port}` },
    },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    loadExistingGrant: async ({ oidc }) => {
      if (!oidc.client || !oidc.session?.accountId) return undefined;
      const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope("openid");
      grant.addOIDCClaims(["auth_time", "acr"]);
      await grant.save();
      return grant;
    },
    clientBasedCORS: () => false,
    fetch: (url, { method, headers, signal } = {}) =>
      globalThis.fetch(url, { ...(method ? { method } : {}), ...(headers ? { headers } : {}), ...(signal ? { signal } : {}) }),
    features: {
      devInteractions: { enabled: false },
      encryption: { enabled: true },
      jwtUserinfo: { enabled: true },
      claimsParameter: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => void (ctx.body = form),
        postLogoutSuccessSource: (ctx) => void (ctx.body = "out"),
      },
      userinfo: { enabled: true },
    },
    enabledJWA: {
      idTokenSigningAlgValues: [...algorithms],
      userinfoSigningAlgValues: [...algorithms],
      idTokenEncryptionAlgValues: ["ECDH-ES", "RSA-OAEP"],
      idTokenEncryptionEncValues: ["A256GCM"],
      userinfoEncryptionAlgValues: ["ECDH-ES", "RSA-OAEP"],
      userinfoEncryptionEncValues: ["A256GCM"],
    },
  };
}

function clientOf(
  { id, algorithm, encrypts, callback }: ClientChoice,
  secret: string,
  relais: string,
): NonNullable<Configuration["clients"]>[number] {
  const encryption = {
    id_token_encrypted_response_alg: "ECDH-ES",
    id_token_encrypted_response_enc: "A256GCM",
    userinfo_encrypted_response_alg: "ECDH-ES",
    userinfo_encrypted_response_enc: "A256GCM",
  } as const;
  return {
    client_id: id,
    client_secret: secret,
    redirect_uris: [`${relais}${callback}`],
    post_logout_redirect_uris: [`${relais}/sign-out/done`],
    response_types: ["code"],
    grant_types: ["authorization_code"],
    subject_type: "pairwise",
    token_endpoint_auth_method: "client_secret_post",
    id_token_signed_response_alg: algorithm,
    userinfo_signed_response_alg: algorithm,
    jwks_uri: `${relais}/.well-known/jwks.json`,
    ...(encrypts ? encryption : {}),
  };
}
