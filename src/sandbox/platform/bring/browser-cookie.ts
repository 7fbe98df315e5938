import { randomBytes } from "node:crypto";
import type { Request, Response } from "express";

const NAME = "ancre_request";
const MILLISECONDS = 600_000;

/** Ties an answer of Relais to the browser that began (RFC 9700 §4.7): a link to the callback is worth nothing elsewhere. */
export function nameBrowser(request: Request, response: Response, secure: boolean): string {
  const value = browserOf(request) || randomBytes(32).toString("base64url");
  response.cookie(NAME, value, { httpOnly: true, sameSite: "lax", secure, maxAge: MILLISECONDS, path: "/bring" });
  return value;
}

/** Empty where the browser has none. */
export function browserOf(request: Request): string {
  return /(?:^|;\s*)ancre_request=([\w-]{43})(?:;|$)/.exec(request.get("cookie") ?? "")?.[1] ?? "";
}
