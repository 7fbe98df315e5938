import { acrValuesFrom, assuranceOf, isAtLeast, type Assurance } from "../core/person/assurance.ts";

/** What a kind of provider wants to be asked for, and how. */
export interface Profile {
  scope: string;
  /** A level that is always asked for and checked, where no higher one is configured; null for none. */
  least: Assurance | null;
  /** `acr_values` for the least level that is wanted. */
  acrValues(least: Assurance): string;
  /** Parameters by which the ID token says when the person signed in there (`auth_time`), and where that may be at most so many seconds ago. */
  saysWhen(seconds: number): Record<string, string>;
  /** How a client secret is sent (OpenID Connect Core §9). */
  secretIn: "basic" | "post";
  /** Whether the subject is asked for at `userinfo` too, whose answer must be signed. */
  readsUserInfo: boolean;
  /** Whether ID tokens and `userinfo` must be encrypted to our key. */
  encrypts: boolean;
  /** Whether signing out of Relais signs out there (OpenID Connect RP-Initiated Logout 1.0). */
  signsOut: boolean;
}

export const PROFILE_NAMES = ["standard", "franceconnect", "franceconnect-plus"] as const;
export type ProfileName = (typeof PROFILE_NAMES)[number];

/** Algorithms of ID tokens of which a registration may name one. FranceConnect v2 has these two. */
export const ALGORITHMS = ["ES256", "RS256"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** Nothing about the person beside a pseudonym; one level, `eidas1` to `eidas3` (docs.partenaires.franceconnect.gouv.fr). */
const FRANCECONNECT = {
  scope: "openid",
  acrValues: (least) => ({ low: "eidas1", substantial: "eidas2", high: "eidas3" })[least],
  // It takes no `max_age`, and asks everybody to sign in anyway (prompt `login consent`, whatever was asked for).
  saysWhen: () => ({ claims: JSON.stringify({ id_token: { auth_time: { essential: true } } }) }),
  secretIn: "post",
  readsUserInfo: true,
  signsOut: true,
} as const satisfies Partial<Profile>;

export const PROFILES = {
  standard: {
    scope: "openid profile",
    least: null,
    acrValues: acrValuesFrom,
    saysWhen: (seconds) => ({ max_age: String(seconds) }),
    secretIn: "basic",
    readsUserInfo: false,
    encrypts: false,
    signsOut: false,
  },
  /** FranceConnect v2. */
  franceconnect: { ...FRANCECONNECT, least: "low", encrypts: false },
  /** FranceConnect+: levels 2 and 3, and nothing that anybody else can read. */
  "franceconnect-plus": { ...FRANCECONNECT, least: "substantial", encrypts: true },
} as const satisfies Record<ProfileName, Profile>;

interface Registered {
  profile?: ProfileName;
  least?: Assurance | null;
}

export function profileOf({ profile = "standard" }: Registered): Profile {
  return PROFILES[profile];
}

/** How sure a provider has to be: as it is configured, and no less than its kind always says; null where nothing is asked. */
export function leastOf(registered: Registered): Assurance | null {
  const { least: always } = profileOf(registered);
  const { least = null } = registered;
  if (always === null || least === null) return least ?? always;
  return isAtLeast(least, always) ? least : always;
}

/** Null where the ID token says less than was asked for, or (where a level was asked for) nothing. */
export function assuranceIn(acr: unknown, least: Assurance | null): Assurance | null {
  const shown = assuranceOf(acr);
  if (least === null) return shown;
  return typeof acr === "string" && isAtLeast(shown, least) ? shown : null;
}
