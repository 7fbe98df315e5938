import { randomUUID } from "node:crypto";
import type { Request, RequestHandler } from "express";
import helmet from "helmet";
import { RelaisError } from "../core/errors.ts";
import { findSession, SESSION_COOKIE } from "../core/person/sessions.ts";
import type { Caller, CallerTokens, Ports } from "../core/ports.ts";

/** Names each request, so that a person can quote it and the operator can find it. A name given by a caller is kept if it is harmless. */
export const nameRequest: RequestHandler = (req, res, next) => {
  const given = req.get("x-request-id");
  const id = given !== undefined && /^[A-Za-z0-9._-]{8,64}$/.test(given) ? given : randomUUID();
  res.locals["requestId"] = id;
  res.set("X-Request-Id", id);
  next();
};

/** Nothing from elsewhere, nothing inline, in nobody's frame (ASVS 3.4). Forms may lead to participants' sign-in pages, so `form-action` is left open. */
export function securityHeaders(secure: boolean): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
      },
    },
    strictTransportSecurity: secure,
    referrerPolicy: { policy: "no-referrer" },
    crossOriginEmbedderPolicy: false,
  });
}

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Refuses changes that a page of another origin asks a signed-in browser for (cross-site request forgery): browsers say where a request
 * comes from (`Sec-Fetch-Site`, else `Origin`), and programs carry no cookie.
 */
export function refuseCrossSite(issuer: string): RequestHandler {
  const own = new URL(issuer).origin;
  return (req, _res, next) => {
    if (SAFE_METHODS.has(req.method) || req.headers.cookie === undefined) return next();
    const site = req.get("sec-fetch-site");
    const origin = req.get("origin");
    const same = site === undefined ? origin === undefined || origin === own : site === "same-origin" || site === "none";
    if (!same)
      throw new RelaisError("forbidden", "This form was sent from another site. Open Relais and try again there.", { actor: "person" });
    next();
  };
}

/** Puts the signed-in person's session, or null, where pages look for it. */
export function readSession(ports: Pick<Ports, "store" | "clock">): RequestHandler {
  return async (req, res, next) => {
    const token = cookieOf(req, SESSION_COOKIE);
    res.locals["session"] = token === null ? null : await findSession(ports, token);
    next();
  };
}

function cookieOf(req: Request, name: string): string | null {
  for (const pair of (req.headers.cookie ?? "").split(";")) {
    const [key, value] = pair.trim().split("=", 2);
    if (key === name && value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value)) return value;
  }
  return null;
}

/** The platform that calls with a consent token and its proof (RFC 9449). */
export async function callerOf(ports: { callers: CallerTokens; issuer: string }, req: Request): Promise<Caller> {
  return ports.callers.verify({
    peer: { address: req.socket.remoteAddress, header: (name) => req.get(name) },
    authorization: req.get("authorization"),
    dpop: req.get("dpop"),
    method: req.method,
    url: `${ports.issuer}${req.originalUrl.split("?")[0]}`,
  });
}
