import type { Request, Response } from "express";
import {
  authorizationCodeGrant,
  AuthorizationResponseError,
  buildAuthorizationUrl,
  buildAuthorizationUrlWithPAR,
  calculatePKCECodeChallenge,
  fetchUserInfo,
  getDecryptedResponses,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  type Configuration,
} from "openid-client";
import { z } from "zod";
import { RelaisError } from "../core/errors.ts";
import type { OauthRecords } from "../core/ports.ts";
import { browserOf, nameBrowser } from "./cookies.ts";
import { profileOf, type Profile } from "./profiles.ts";
import type { Providers, Registration } from "./providers.ts";

const MODEL = "SignInAttempt";
const ATTEMPT_SECONDS = 600;

/** What must come back unchanged: kept here, not in the browser, and used once. */
const attempt = z.object({
  /** Digest of the cookie of the browser that began. */
  browser: z.string(),
  /** The one provider that may answer this attempt (mix-up, RFC 9700 §4.4). */
  issuer: z.string(),
  redirectPath: z.string(),
  verifier: z.string(),
  nonce: z.string(),
  next: z.string(),
  language: z.enum(["fr", "en"]),
  participantId: z.string().nullable(),
  personId: z.string().nullable(),
  /** Whether they sign in anew, in the middle of a session: then a sign-in from before this attempt does not count. */
  again: z.boolean().default(false),
  /** Milliseconds since 1970. */
  begunAt: z.number().default(0),
});
export type Attempt = z.infer<typeof attempt>;
export type TakenAttempt = Attempt & { state: string };

interface Ports {
  issuer: string;
  records: OauthRecords;
  providers: Providers;
}

type Start = Pick<Attempt, "redirectPath" | "next" | "language" | "participantId" | "personId" | "again"> & {
  scope: string;
  /** Of the authorization request, beside those of every request. */
  parameters: Record<string, string>;
};

/** Sends the browser to the provider: code flow with PKCE S256, state and nonce (OpenID Connect Core §3.1.2.1). */
export async function beginAttempt(ports: Ports, registration: Registration, req: Request, res: Response, start: Start): Promise<void> {
  const { scope, parameters, ...kept } = start;
  const configuration = await ports.providers(registration);
  const [verifier, state, nonce] = [randomPKCECodeVerifier(), randomState(), randomNonce()];
  const begun = { browser: nameBrowser(req, res, ports.issuer), issuer: registration.issuer, begunAt: Date.now() };
  const payload: Attempt = { ...kept, ...begun, verifier, nonce };
  await ports.records.put({ model: MODEL, id: state, payload: { ...payload }, expiresAt: new Date(Date.now() + ATTEMPT_SECONDS * 1000) });
  const url = await authorizationUrl(configuration, {
    redirect_uri: `${ports.issuer}${start.redirectPath}`,
    scope,
    state,
    nonce,
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ui_locales: start.language,
    ...parameters,
  });
  res.redirect(303, url.href);
}

function authorizationUrl(configuration: Configuration, parameters: Record<string, string>): Promise<URL> | URL {
  const pushed = configuration.serverMetadata().require_pushed_authorization_requests === true;
  return pushed ? buildAuthorizationUrlWithPAR(configuration, parameters) : buildAuthorizationUrl(configuration, parameters);
}

/**
 * The attempt that this answer belongs to; a second answer finds none.
 * @throws RelaisError `unauthenticated` for another browser, another callback, an old or a used state.
 */
export async function takeAttempt(ports: Ports, req: Request, redirectPath: string): Promise<TakenAttempt> {
  const { state } = req.query;
  const found = typeof state === "string" ? await ports.records.find(MODEL, state) : null;
  const parsed = attempt.safeParse(found?.payload);
  const fits = parsed.success && parsed.data.redirectPath === redirectPath && parsed.data.browser === browserOf(req);
  if (!fits || typeof state !== "string" || !(await ports.records.consume(MODEL, state))) {
    throw new RelaisError("unauthenticated", "This sign-in is over, or was begun in another browser. Begin again.", { actor: "person" });
  }
  return { ...parsed.data, state };
}

export interface Answer {
  subject: string;
  displayName: string;
  accessToken: string;
  /** As it was signed: what was encrypted to us is of no use to others. */
  idToken: string;
  /** What the ID token claims of its own authentication (`acr`). */
  acr: unknown;
  /** When they proved who they are there (`auth_time`); null where the ID token does not say. */
  authenticatedAt: Date | null;
}

/**
 * Redeems the code at the provider that began the attempt, and checks `iss`, state, nonce and the ID token. Null where the person said no.
 * Where the attempt asked to sign in anew, the ID token must say that they did, since it began (`max_age`, OpenID Connect Core §3.1.2.1).
 * `demandsIss`: where several providers share a redirect address, the answer must name its sender (RFC 9207, RFC 9700 §4.4.2).
 * @throws RelaisError `unauthenticated`.
 */
export async function readAnswer(
  ports: Ports,
  registration: Registration,
  begun: TakenAttempt,
  { req, demandsIss }: { req: Request; demandsIss: boolean },
): Promise<Answer | null> {
  const { iss } = req.query;
  if (iss === undefined ? demandsIss : iss !== begun.issuer)
    throw notAccepted(new Error("the answer is of another provider, or does not say of which"));
  const configuration = await ports.providers(registration);
  const checks = {
    expectedState: begun.state,
    expectedNonce: begun.nonce,
    pkceCodeVerifier: begun.verifier,
    idTokenExpected: true,
    ...(begun.again ? { maxAge: Math.ceil((Date.now() - begun.begunAt) / 1000) } : {}),
  };
  try {
    const tokens = await authorizationCodeGrant(configuration, new URL(`${ports.issuer}${req.originalUrl}`), checks);
    const claims = tokens.claims();
    if (claims === undefined || tokens.id_token === undefined) throw new Error("no ID token");
    const profile = profileOf(registration);
    const readable = getDecryptedResponses(tokens)?.id_token?.token_endpoint;
    if (profile.encrypts && readable === undefined) throw new Error("the ID token is not encrypted");
    const told = profile.readsUserInfo ? await userInfo(configuration, profile, tokens.access_token, claims.sub) : {};
    return {
      subject: claims.sub,
      displayName: nameIn({ ...claims, ...told }),
      accessToken: tokens.access_token,
      idToken: readable ?? tokens.id_token,
      acr: claims["acr"],
      authenticatedAt: timeOf(claims.auth_time),
    };
  } catch (cause) {
    if (cause instanceof AuthorizationResponseError && cause.error === "access_denied") return null;
    throw notAccepted(cause);
  }
}

/** Of the same subject, or the library throws. A provider whose answer here is no JWT, or not for our eyes alone, has changed what it promised. */
async function userInfo(
  configuration: Configuration,
  { encrypts }: Pick<Profile, "encrypts">,
  accessToken: string,
  subject: string,
): Promise<Record<string, unknown>> {
  const told = await fetchUserInfo(configuration, accessToken, subject);
  if (encrypts && getDecryptedResponses(told) === undefined) throw new Error("the answer of userinfo is not encrypted");
  return { ...told };
}

function notAccepted(cause: unknown): RelaisError {
  return new RelaisError(
    "unauthenticated",
    "The provider's answer could not be accepted. Begin again; if it happens again, tell the help desk of the place where you signed in.",
    { cause, actor: "person" },
  );
}

function nameIn(claims: Record<string, unknown>): string {
  const name = [claims["name"], claims["given_name"], claims["preferred_username"]].find(
    (value) => typeof value === "string" && value !== "",
  );
  return typeof name === "string" ? name.slice(0, 100) : "";
}

/** Never in the future: a provider whose clock is ahead makes no sign-in last longer. */
function timeOf(seconds: unknown): Date | null {
  return typeof seconds === "number" ? new Date(Math.min(seconds * 1000, Date.now())) : null;
}
