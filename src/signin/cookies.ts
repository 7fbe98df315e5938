import { createHash, randomBytes } from "node:crypto";
import type { CookieOptions, Request, Response } from "express";

/** Names the browser that began a sign-in: only it may come back with the answer. */
const BROWSER_COOKIE = "relais_browser";
const BROWSER_SECONDS = 600;

export function readCookie(req: Request, name: string): string | null {
  const found = (req.headers.cookie ?? "")
    .split(";")
    .map((pair) => pair.trim().split("=", 2))
    .find(([key]) => key === name);
  return found?.[1] !== undefined && /^[A-Za-z0-9_-]{43}$/.test(found[1]) ? found[1] : null;
}

/** Lax: the cookie comes along when the provider sends the person back, and with no form of another site. */
export function cookieOptions(issuer: string): CookieOptions {
  return { httpOnly: true, sameSite: "lax", secure: issuer.startsWith("https:"), path: "/" };
}

/** Several tabs of one browser share the name, so that each can be finished. Returns its digest. */
export function nameBrowser(req: Request, res: Response, issuer: string): string {
  const value = readCookie(req, BROWSER_COOKIE) ?? randomBytes(32).toString("base64url");
  res.cookie(BROWSER_COOKIE, value, { ...cookieOptions(issuer), maxAge: BROWSER_SECONDS * 1000 });
  return digest(value);
}

export function browserOf(req: Request): string | null {
  const value = readCookie(req, BROWSER_COOKIE);
  return value === null ? null : digest(value);
}

function digest(value: string): string {
  return createHash("sha256").update(value).digest("base64url");
}
