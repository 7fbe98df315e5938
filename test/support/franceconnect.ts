import { randomUUID } from "node:crypto";
import express, { type Request, type Response } from "express";
import { listen, type Listening } from "./authorization-server.ts";
import { testKey } from "./register-fixtures.ts";

export interface FranceConnect {
  issuer: string;
  secret: string;
  /** What goes wrong on purpose, and at which level the person has an account there. */
  state: { acr: string | undefined; userInfo: "signed" | "of somebody else" | "badly signed"; expiresIn: number };
  seen: { authorizations: Record<string, string>[]; logouts: Record<string, string>[]; clientCalls: Record<string, string>[] };
  listening: Listening;
}

const BASE = "/api/v2";
const SHORTEST = 32;

/**
 * An OpenID provider that asks for what FranceConnect v2 asks for: paths, one `acr` of three, long `state` and `nonce`, a secret in the body, tokens of 60 s,
 * a signed `userinfo`, and a logout with its hint (docs.partenaires.franceconnect.gouv.fr).
 */
export async function startFranceConnect(): Promise<FranceConnect> {
  const listening = await listen();
  const [key, strange] = [await testKey(), await testKey()];
  const provider: FranceConnect = {
    issuer: `${listening.origin}${BASE}`,
    secret: randomUUID(),
    state: { acr: "eidas1", userInfo: "signed", expiresIn: 60 },
    seen: { authorizations: [], logouts: [], clientCalls: [] },
    listening,
  };
  const { state, seen, issuer } = provider;
  const codes = new Map<string, Record<string, string>>();
  const app = express();
  app.get(`${BASE}/.well-known/openid-configuration`, (_req, res) => void res.json(metadata(issuer)));
  app.get(`${BASE}/jwks`, (_req, res) => void res.json({ keys: [key.publicJwk] }));
  app.get(`${BASE}/authorize`, (req, res) => authorize(provider, codes, req, res));
  app.post(`${BASE}/token`, express.urlencoded({ extended: false }), async (req, res) => {
    const body = req.body as Record<string, string>;
    seen.clientCalls.push(body);
    const asked = codes.get(body.code ?? "");
    if (!codes.delete(body.code ?? "") || body.client_secret !== provider.secret || body.redirect_uri !== asked?.redirect_uri)
      return void res.status(400).json({ error: "invalid_grant" });
    const iat = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer,
      sub: "fc-sub",
      aud: asked?.client_id,
      nonce: asked?.nonce,
      iat,
      exp: iat + state.expiresIn,
      acr: state.acr,
    };
    res.json({ access_token: "fc-access", token_type: "Bearer", expires_in: 60, id_token: await key.sign("JWT", claims) });
  });
  app.get(`${BASE}/userinfo`, async (req, res) => {
    if (req.get("authorization") !== "Bearer fc-access") return void res.status(401).end();
    const iat = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, aud: "relais-fc", sub: state.userInfo === "of somebody else" ? "x" : "fc-sub", iat, exp: iat + 60 };
    const signer = state.userInfo === "badly signed" ? strange : key;
    res.type("application/jwt").send(await signer.sign("JWT", claims));
  });
  app.get(`${BASE}/session/end`, (req, res) => {
    const query = req.query as Record<string, string>;
    seen.logouts.push(query);
    const isRight = Boolean(query.id_token_hint && (query.state ?? "").length >= SHORTEST && query.post_logout_redirect_uri);
    if (!isRight) return void res.status(400).end();
    res.redirect(303, `${query.post_logout_redirect_uri}?${new URLSearchParams({ state: query.state ?? "" })}`);
  });
  listening.serve(app);
  return provider;
}

function authorize({ issuer, seen }: FranceConnect, codes: Map<string, Record<string, string>>, req: Request, res: Response): void {
  const query = req.query as Record<string, string>;
  seen.authorizations.push(query);
  const isRight =
    /^eidas[123]$/.test(query.acr_values ?? "") &&
    (query.state ?? "").length >= SHORTEST &&
    (query.nonce ?? "").length >= SHORTEST &&
    query.response_type === "code" &&
    (query.scope ?? "").split(" ").includes("openid");
  if (!isRight) return void res.status(400).send("Y000400");
  const code = randomUUID();
  codes.set(code, query);
  res.redirect(303, `${query.redirect_uri}?${new URLSearchParams({ code, state: query.state ?? "", iss: issuer })}`);
}

function metadata(issuer: string): Record<string, unknown> {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/jwks`,
    end_session_endpoint: `${issuer}/session/end`,
    response_types_supported: ["code"],
    subject_types_supported: ["pairwise"],
    id_token_signing_alg_values_supported: ["ES256"],
    userinfo_signing_alg_values_supported: ["ES256"],
    token_endpoint_auth_methods_supported: ["client_secret_post", "private_key_jwt"],
    acr_values_supported: ["eidas1", "eidas2", "eidas3"],
    authorization_response_iss_parameter_supported: true,
  };
}
