import { createHash, randomUUID } from "node:crypto";
import express, { type Request, type Response } from "express";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { listen, type Listening } from "./authorization-server.ts";
import { testKey, type TestKey } from "./register-fixtures.ts";

export interface TinyProvider {
  origin: string;
  key: TestKey;
  /** Who is signed in there (since how many seconds; null: it does not say), and what goes wrong on purpose. */
  state: {
    subject: string;
    deny: boolean;
    changed: Record<string, unknown>;
    iss: string | null;
    inventoryStatus: number;
    signedInAgo: number | null;
  };
  /** What it was asked, for a look from outside. */
  seen: { asked: Record<string, string>[]; scopes: string[]; assertions: Record<string, unknown>[]; inventoryTokens: string[] };
  listening: Listening;
}

interface Pending {
  nonce: string;
  challenge: string;
  redirectUri: string;
  clientId: string;
}

/** A small OpenID provider over real HTTP that lets a test choose who is signed in; its client must prove itself with a key of Relais' key set. */
export async function startTinyProvider(relaisIssuer: () => string, namesItself = true): Promise<TinyProvider> {
  const listening = await listen();
  const key = await testKey();
  const provider: TinyProvider = {
    origin: listening.origin,
    key,
    state: { subject: "s1", deny: false, changed: {}, iss: null, inventoryStatus: 200, signedInAgo: 0 },
    seen: { asked: [], scopes: [], assertions: [], inventoryTokens: [] },
    listening,
  };
  listening.serve(appOf(provider, relaisIssuer, namesItself));
  return provider;
}

function appOf(provider: TinyProvider, relaisIssuer: () => string, namesItself: boolean): express.Express {
  const { origin, key, state, seen } = provider;
  const codes = new Map<string, Pending>();
  const app = express();
  app.get(
    "/.well-known/openid-configuration",
    (_req, res) => void res.json({ ...metadata(origin), authorization_response_iss_parameter_supported: namesItself }),
  );
  app.get("/jwks", (_req, res) => void res.json({ keys: [key.publicJwk] }));
  app.get("/authorize", (req, res) => {
    const query = req.query as Record<string, string>;
    seen.asked.push(query);
    seen.scopes.push(query.scope ?? "");
    const code = randomUUID();
    codes.set(code, {
      nonce: query.nonce ?? "",
      challenge: query.code_challenge ?? "",
      redirectUri: query.redirect_uri ?? "",
      clientId: query.client_id ?? "",
    });
    const answer = new URLSearchParams({
      ...(state.deny ? { error: "access_denied" } : { code }),
      state: query.state ?? "",
      ...(namesItself ? { iss: state.iss ?? origin } : {}),
    });
    res.redirect(303, `${query.redirect_uri}?${answer}`);
  });
  app.post("/token", express.urlencoded({ extended: false }), (req, res) => redeem(provider, codes, relaisIssuer(), req, res));
  app.get("/export/datasets", (req, res) => {
    seen.inventoryTokens.push(String(req.headers.authorization));
    res.status(state.inventoryStatus).json({
      datasets: [
        { dataset: "energy.bills", items: 3, bytes: 99 },
        { dataset: "notes", items: null },
      ],
    });
  });
  return app;
}

async function redeem(
  { origin, key, state, seen }: TinyProvider,
  codes: Map<string, Pending>,
  relaisIssuer: string,
  req: Request,
  res: Response,
): Promise<void> {
  const { code, code_verifier: verifier, client_assertion: assertion, redirect_uri: redirectUri } = req.body as Record<string, string>;
  const pending = codes.get(code ?? "");
  const { payload } = await jwtVerify(assertion ?? "", createRemoteJWKSet(new URL(`${relaisIssuer}/.well-known/jwks.json`)), {
    audience: origin,
  });
  seen.assertions.push(payload);
  const challenge = createHash("sha256")
    .update(verifier ?? "")
    .digest("base64url");
  const right =
    pending?.challenge === challenge &&
    pending.redirectUri === redirectUri &&
    payload.iss === pending.clientId &&
    payload.sub === pending.clientId;
  if (!right || !codes.delete(code ?? "")) return void res.status(400).json({ error: "invalid_grant" });
  const iat = Math.floor(Date.now() / 1000);
  const idToken = await key.sign("JWT", {
    iss: origin,
    sub: state.subject,
    aud: pending.clientId,
    nonce: pending.nonce,
    iat,
    exp: iat + 60,
    name: `Name of ${state.subject}`,
    ...(state.signedInAgo === null ? {} : { auth_time: iat - state.signedInAgo }),
    ...state.changed,
  });
  res.json({ access_token: `at-${state.subject}`, token_type: "Bearer", expires_in: 60, id_token: idToken });
}

function metadata(origin: string): Record<string, unknown> {
  return {
    issuer: origin,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    jwks_uri: `${origin}/jwks`,
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
    token_endpoint_auth_methods_supported: ["private_key_jwt"],
  };
}
