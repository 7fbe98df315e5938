import type { JWK } from "jose";
import { ConsentError } from "./consent-error.ts";
import { consentedBy, type Consented, type Need, type TokenClaims } from "./consent/consented.ts";
import { introspection } from "./consent/introspection.ts";
import { isJwt, readJwtToken } from "./consent/jwt-token.ts";
import { proofsInMemory, readProof, type SeenProofs } from "./consent/proof.ts";
import { federationKeys, relaisKeys } from "./consent/relais-keys.ts";
import { statusLists } from "./consent/status-lists.ts";
import type { WebFetch } from "./federation-site.ts";

export { CONSENT_ERRORS, ConsentError, type ConsentErrorReason } from "./consent-error.ts";
export type { Consented } from "./consent/consented.ts";
export { proofsInMemory, type SeenProofs } from "./consent/proof.ts";

export interface HolderSettings {
  /** Relais' issuer identifier, such as `https://relais.example`. */
  issuer: string;
  /** Your own entity identifier: the audience of tokens, and your name as a client of Relais. */
  entityId: string;
  /** Private JWK with `kid`; its public half is in your entity configuration under `oauth_client.jwks`. `alg` is ES256 where it says none. */
  key: JWK;
  /** What stands before the path of each request, where that is not the origin of `entityId`. What a request says of itself (`Host`) is never believed. */
  publicUrl?: string;
  /**
   * Takes JWT tokens too, as you asked for by `self_data_holder.access_token_format: "jwt"`: they are checked without a call for each request, and
   * a withdrawal is felt when the status list is read again, or after 60 s. Opaque tokens are asked about as ever.
   */
  jwtTokens?: boolean;
  /** Milliseconds for which Relais' word on a token is used again: for as long a withdrawal may go unnoticed here. 0, the default, asks each time. */
  keepAnswersMilliseconds?: number;
  /** Which proofs were used. By default in memory: see `proofsInMemory` for what that does not see. */
  seen?: SeenProofs;
  /** How Relais is reached; the platform's own `fetch` by default. */
  fetch?: WebFetch;
}

/** What this needs of a request of Express. */
interface ServerRequest {
  method: string;
  originalUrl: string;
  headers: Record<string, string | string[] | undefined>;
  params: Record<string, string | string[] | undefined>;
}

/** What this needs of a response of Express. */
interface ServerResponse {
  locals: Record<string, unknown>;
  status(code: number): unknown;
  set(fields: Record<string, string>): unknown;
  send(body: unknown): unknown;
}

type Action = "copy" | "erase" | "propose" | (string & {});

export interface Rule {
  /** The data set that the handler reads, or how its route names it; left out for a handler that filters by `consent.datasets` itself. */
  dataset?: string | ((params: Record<string, string | string[] | undefined>) => string);
  /** What the person must have allowed, or one of several such things; `copy`, which is reading, by default. */
  action?: Action | readonly Action[];
}

export interface ConsentGuard {
  /** Middleware of Express 5: puts a `Consented` into `response.locals.consent`, or answers with a problem document. */
  (request: ServerRequest, response: ServerResponse, next: () => void): Promise<void>;
  /** For servers of the Fetch API. @throws ConsentError, whose `toResponse()` is the answer. */
  check(request: Request, params?: Record<string, string>): Promise<Consented>;
}

export type RequireConsent = (rule?: Rule) => ConsentGuard;

/**
 * Lets only requests pass that a person's consent allows. Each is checked whole: the DPoP proof (RFC 9449), the token by signed introspection
 * (RFC 9701) or as a JWT with its place in a status list (RFC 9068), audience, action and data set (RFC 9396). Whatever cannot be checked does
 * not pass. Make one for each entity, and use it for all its routes: they share keys, lists and the memory of proofs.
 */
export function consentRules(settings: HolderSettings): RequireConsent {
  const check = checker(settings);
  return (rule = {}) => {
    const needOf = (params: ServerRequest["params"]): Need => ({
      action: rule.action,
      dataset: typeof rule.dataset === "function" ? rule.dataset(params) : rule.dataset,
    });
    const middleware = async (request: ServerRequest, response: ServerResponse, next: () => void): Promise<void> => {
      const found = await check(shownBy(request), needOf(request.params)).catch(asRefusal);
      if (found instanceof ConsentError) return answer(response, found);
      response.locals["consent"] = found;
      next();
    };
    return Object.assign(middleware, { check: (request: Request, params = {}) => check(shownIn(request), needOf(params)) });
  };
}

function asRefusal(error: unknown): ConsentError {
  if (error instanceof ConsentError) return error;
  throw error;
}

interface Shown {
  method: string;
  /** Path and query. */
  path: string;
  authorization: string | null;
  proof: string | null;
}

function shownBy({ method, originalUrl, headers }: ServerRequest): Shown {
  const field = (name: string) => (typeof headers[name] === "string" ? headers[name] : null);
  return { method, path: originalUrl, authorization: field("authorization"), proof: field("dpop") };
}

function shownIn({ method, url, headers }: Request): Shown {
  const { pathname, search } = new URL(url);
  return { method, path: pathname + search, authorization: headers.get("authorization"), proof: headers.get("dpop") };
}

function answer(response: ServerResponse, error: ConsentError): void {
  response.status(error.status);
  response.set(error.headers);
  response.send(JSON.stringify(error.problem()));
}

function checker(settings: HolderSettings): (shown: Shown, need: Need) => Promise<Consented> {
  const { entityId, seen = proofsInMemory() } = settings;
  const publicUrl = settings.publicUrl?.replace(/\/+$/, "") ?? new URL(entityId).origin;
  const claimsOf = tokenReader(settings);
  return async ({ method, path, authorization, proof }, need) => {
    const token = /^DPoP ([\w~+/.-]+=*)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined || proof === null) throw new ConsentError("token_missing");
    const { jkt, id, until } = await readProof(proof, { method, url: publicUrl + path, token });
    const consented = consentedBy(await claimsOf(token), { entityId, jkt }, need);
    // Last, so that only whoever has a consent can fill the memory.
    if (!(await seen.useOnce(id, until))) throw new ConsentError("proof_used");
    return consented;
  };
}

/** What is said of a token now: by itself where it is a JWT, else by Relais. */
function tokenReader(settings: HolderSettings): (token: string) => Promise<TokenClaims> {
  const { issuer, entityId, key, jwtTokens = false, keepAnswersMilliseconds: keepMilliseconds = 0 } = settings;
  const fetcher = settings.fetch ?? ((url, init) => fetch(url, init));
  const keys = relaisKeys(issuer, fetcher);
  const ask = introspection({ issuer, entityId, key, keys, fetcher, keepMilliseconds });
  const lists = statusLists({ issuer, keys: federationKeys(issuer, fetcher), fetcher });
  return async (token) => {
    if (isJwt(token)) {
      if (!jwtTokens) throw new ConsentError("token_format");
      return readJwtToken({ issuer, entityId, keys, lists }, token);
    }
    const claims = await ask(token);
    if (claims.active !== true || (claims.exp !== undefined && claims.exp * 1000 <= Date.now())) throw new ConsentError("token_inactive");
    return claims;
  };
}
