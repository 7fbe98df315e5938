import { createServer } from "node:http";
import { Provider, type ClientMetadata } from "oidc-provider";

/**
 * `oidc-provider` as its documentation has it, with its memory adapter: pushed requests, `private_key_jwt`, DPoP with nonces and signed introspection as
 * ours has them, and nothing of ours. The measure beside which ours stands. One argument: port, keys and clients as JSON.
 */
const { port, jwks, clients, resource } = JSON.parse(process.argv[2] ?? "{}") as {
  port: number;
  jwks: { keys: Record<string, unknown>[] };
  clients: ClientMetadata[];
  resource: string;
};
const SECONDS = 300;

const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: jwks,
  clients,
  clientAuthMethods: ["private_key_jwt"],
  enabledJWA: {
    clientAuthSigningAlgValues: ["ES256"],
    dPoPSigningAlgValues: ["ES256"],
    idTokenSigningAlgValues: ["ES256"],
    introspectionSigningAlgValues: ["ES256"],
  },
  clientDefaults: { id_token_signed_response_alg: "ES256", introspection_signed_response_alg: "ES256" },
  scopes: ["register"],
  ttl: { AccessToken: SECONDS, ClientCredentials: SECONDS },
  features: {
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    clientCredentials: { enabled: true },
    fapi: { enabled: true, profile: "2.0" },
    dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => true },
    introspection: { enabled: true, allowedPolicy: async () => true },
    jwtIntrospection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({ scope: "register", audience: resource, accessTokenFormat: "opaque", accessTokenTTL: SECONDS }),
    },
  },
});
const callback = provider.callback();
createServer((request, response) => void callback(request, response)).listen(port, "127.0.0.1", () => process.stdout.write("ready\n"));
