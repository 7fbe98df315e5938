import { Router, type RequestHandler } from "express";
import { Provider } from "oidc-provider";
import type { SignedStatements } from "../core/federation/statement.ts";
import type { CallerTokens } from "../core/ports.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { createCallerTokens, participantCalls, type ProofVerifier } from "./caller-tokens.ts";
import { certificateReader, type CertificateReader } from "./client-certificate.ts";
import { nameOfUse } from "./client-assertion.ts";
import { configurationOf, peerOf, type AuthorizationPorts } from "./configuration.ts";
import { registerConsentGrant } from "./consent-grant.ts";
import { grantRoutes, nameGrant } from "./grants.ts";
import { registerProbeGrant } from "./probe-grant.ts";
import { interactionRoutes } from "./interaction.ts";
import { registrationRoutes } from "./registration.ts";
import { sourceIntrospection } from "./source-introspection.ts";

interface Settings extends AuthorizationPorts {
  /** For software statements: how to check them, and our federation keys. */
  statements: { signed: SignedStatements; keys: () => Promise<PublicJwk[]> };
  verifyProof: ProofVerifier;
  /** Told of failures inside the server, for the log. */
  report: (error: unknown) => void;
}

export interface Authorization {
  /** What programs ask most. Mount it at the root, before everything that looks at addresses one by one. */
  endpoints: RequestHandler;
  /** Mount it at the root, before any body parser, behind the middleware that sets `res.locals.session`. */
  router: Router;
  callers: CallerTokens;
}

/** Paths that the provider answers. All others are left to the rest of the application. */
const PROVIDER_PATHS =
  /^\/(?:\.well-known\/(?:oauth-authorization-server|openid-configuration)|auth(?:\/[^/]+)?|request|token(?:\/introspection|\/revocation)?)\/?$/i;

/** The authorization server at the issuer's root. Any number of instances over one store, with one key folder, are one server. */
export function createAuthorization(settings: Settings): Authorization {
  const present = renewed(settings);
  const provider = () => present().provider;
  const router = Router();
  const onlyOwnCertificates = refuseForeignCertificates(certificateReader(settings.certificates));
  const toIssuer = atIssuer(settings.issuer);
  const forSources = sourceIntrospection(settings);
  const endpoints: RequestHandler = async (req, res, next) => {
    if (!PROVIDER_PATHS.test(req.path)) return next();
    onlyOwnCertificates(req, res, () => undefined);
    if (req.path === "/token/introspection" && (await forSources(req, res))) return;
    toIssuer(req, res, () => void present().answer(req, res));
  };
  router.use(onlyOwnCertificates);
  router.get("/.well-known/jwks.json", publishKeys(settings));
  router.use("/interaction", atIssuer(settings.issuer));
  router.use(interactionRoutes({ ...settings, provider }));
  router.use(grantRoutes({ ...settings, provider, callerWith: callerOf(settings, provider) }));
  router.use(registrationRoutes({ ...settings, ...settings.statements, takesCertificates: settings.certificates !== null }));
  return { endpoints, router, callers: createCallerTokens(provider, settings) };
}

function callerOf(settings: Settings, provider: () => Provider): Parameters<typeof grantRoutes>[0]["callerWith"] {
  const calls = participantCalls(provider, settings);
  return (req, scope) => {
    const url = `${settings.issuer}${req.originalUrl.split("?")[0]}`;
    return calls({ peer: peerOf(req), authorization: req.get("authorization"), dpop: req.get("dpop"), method: req.method, url }, scope);
  };
}

interface Present {
  kid: unknown;
  provider: Provider;
  answer: ReturnType<Provider["callback"]>;
}

/**
 * The library takes its key when it is made. Where ours changed since (`relais keys rotate`), another instance takes over with the next
 * request, and the one before ends what it began: whatever both know is in the records.
 */
function renewed(settings: Settings): () => Present {
  let present: Present | null = null;
  return () => {
    const { kid } = settings.keys.signing();
    if (present === null || present.kid !== kid) present = presentBy(settings, kid);
    return present;
  };
}

function presentBy(settings: Settings, kid: unknown): Present {
  const provider = new Provider(settings.issuer, configurationOf(settings));
  provider.proxy = true;
  Object.assign(provider.ReplayDetection, { unique: usedOnce(settings) });
  provider.use(withoutCors);
  provider.use(nameGrant);
  provider.on("server_error", (_ctx, error) => settings.report(error));
  registerConsentGrant(provider, settings);
  registerProbeGrant(provider, settings);
  return { kid, provider, answer: provider.callback() };
}

/** The library looks, and then writes; one conditional statement does both, and tells a replay from a failure. */
function usedOnce({ records }: Settings): (iss: string, jti: string, exp: number) => Promise<boolean> {
  return (iss, jti, exp) =>
    records.insertOnce({ model: "ReplayDetection", id: nameOfUse(iss, jti), payload: {}, expiresAt: new Date(exp * 1000) });
}

/** What anybody may read stays readable by pages of any origin; no such page is a client of ours. */
const withoutCors: Parameters<Provider["use"]>[0] = async (ctx, next) => {
  await next();
  if (!ctx.path.startsWith("/.well-known/"))
    for (const name of Object.keys(ctx.response.headers)) if (name.toLowerCase().startsWith("access-control-")) ctx.remove(name);
};

/** Who pretends to be the proxy is told so before anything else is read. */
function refuseForeignCertificates(certificateOf: CertificateReader): RequestHandler {
  return (req, _res, next) => {
    certificateOf(peerOf(req));
    next();
  };
}

function publishKeys({ keys }: AuthorizationPorts): RequestHandler {
  return async (_req, res) => {
    res
      .set({ "cache-control": "public, max-age=60", "content-type": "application/jwk-set+json" })
      .send(JSON.stringify({ keys: await keys.published() }));
  };
}

/** The provider builds its addresses from the request: they are always the issuer's, whatever `Host` says. */
function atIssuer(issuer: string): RequestHandler {
  const { host, protocol } = new URL(issuer);
  return (req, _res, next) => {
    req.headers["x-forwarded-host"] = host;
    req.headers["x-forwarded-proto"] = protocol.slice(0, -1);
    next();
  };
}
