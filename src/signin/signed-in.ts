import type { Response } from "express";
import type { Language } from "../core/catalogue/data-set.ts";
import type { Session } from "../core/person/person.ts";

/** Whose browser this is; null for a visitor. */
export function sessionOf(res: Response): Session | null {
  return (res.locals["session"] as Session | null | undefined) ?? null;
}

/** Where somebody signs in anew before they add a passkey, and comes back from to their account. */
export function againPage(language: Language): string {
  return `/${language}/sign-in/again?next=${encodeURIComponent(`/${language}/me/account`)}`;
}
