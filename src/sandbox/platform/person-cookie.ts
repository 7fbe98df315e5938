import { createHmac, timingSafeEqual } from "node:crypto";
import type { Request, Response } from "express";

const NAME = "ancre";
const HOURS = 8;

/** Remembers who is signed in to the person's own pages, in a signed cookie. */
export function setPersonCookie(response: Response, key: Buffer, account: string): void {
  const value = `${account}.${Date.now() + HOURS * 3_600_000}`;
  response.cookie(NAME, `${value}.${mac(key, value)}`, { httpOnly: true, sameSite: "lax", maxAge: HOURS * 3_600_000 });
}

export function clearPersonCookie(response: Response): void {
  response.clearCookie(NAME, { httpOnly: true, sameSite: "lax" });
}

export function readPersonCookie(request: Request, key: Buffer): string | null {
  const [account = "", until = "", given = ""] = (/(?:^|;\s*)ancre=([^;]*)/.exec(request.get("cookie") ?? "")?.[1] ?? "").split(".");
  const expected = mac(key, `${account}.${until}`);
  const same = given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected));
  return same && Number(until) > Date.now() ? account : null;
}

function mac(key: Buffer, value: string): string {
  return createHmac("sha256", key).update(value).digest("hex");
}
