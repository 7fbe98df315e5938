import { acrValuesFrom, assuranceOf, isAtLeast, type Assurance } from "../core/person/assurance.ts";

/** What a kind of provider wants to be asked for, and how. */
export interface Profile {
  scope: string;
  /** `acr_values` for the least level that is wanted; null asks for none. */
  acrValues(least: Assurance | null): string | null;
  /** Parameters by which the ID token says when the person signed in there (`auth_time`), and where that may be at most so many seconds ago. */
  saysWhen(seconds: number): Record<string, string>;
  /** How a client secret is sent (OpenID Connect Core §9). */
  secretIn: "basic" | "post";
  /** Whether the subject is asked for at `userinfo` too, whose answer must be signed. */
  readsUserInfo: boolean;
  /** Whether signing out of Relais signs out there (OpenID Connect RP-Initiated Logout 1.0). */
  signsOut: boolean;
}

export const PROFILE_NAMES = ["standard", "franceconnect"] as const;
export type ProfileName = (typeof PROFILE_NAMES)[number];

export const PROFILES = {
  standard: {
    scope: "openid profile",
    acrValues: (least) => (least === null ? null : acrValuesFrom(least)),
    saysWhen: (seconds) => ({ max_age: String(seconds) }),
    secretIn: "basic",
    readsUserInfo: false,
    signsOut: false,
  },
  /** FranceConnect v2: a level is always asked for, `eidas1` to `eidas3`; nothing about the person beside a pseudonym. */
  franceconnect: {
    scope: "openid",
    acrValues: (least) => ({ low: "eidas1", substantial: "eidas2", high: "eidas3" })[least ?? "low"],
    // It takes no `max_age`, and asks everybody to sign in anyway (prompt `login consent`, whatever was asked for).
    saysWhen: () => ({ claims: JSON.stringify({ id_token: { auth_time: { essential: true } } }) }),
    secretIn: "post",
    readsUserInfo: true,
    signsOut: true,
  },
} as const satisfies Record<ProfileName, Profile>;

/** Null where the ID token says less than was asked for, or (where a level was asked for) nothing. */
export function assuranceIn(acr: unknown, least: Assurance | null): Assurance | null {
  const shown = assuranceOf(acr);
  if (least === null) return shown;
  return typeof acr === "string" && isAtLeast(shown, least) ? shown : null;
}
