import type { RequestHandler } from "express";
import { consentRules, type Consented, type HolderSettings, type RequireConsent, type Rule } from "../../sdk/require-consent.ts";
import type { OwnKey } from "../peer/own-keys.ts";

/** A withdrawal must be felt within a second, and a page of items is many requests. */
const KEEP_MILLISECONDS = 500;

/** Lets a request pass with a `Consented` in `response.locals.consent`, by the SDK that every holder can use. */
export type ConsentGuard = (rule?: Rule) => RequestHandler;

export function consentGuard(
  settings: { issuer: string; entityId: string; key: OwnKey } & Pick<HolderSettings, "jwtTokens">,
): ConsentGuard {
  const { key, ...named } = settings;
  const requireConsent: RequireConsent = consentRules({ ...named, key: key.privateJwk, keepAnswersMilliseconds: KEEP_MILLISECONDS });
  return requireConsent;
}

export function consentOf(locals: Record<string, unknown>): Consented {
  return locals["consent"] as Consented;
}
