/** How sure it is who somebody is (Regulation (EU) 910/2014, article 8), least first. */
export const ASSURANCES = ["low", "substantial", "high"] as const;
export type Assurance = (typeof ASSURANCES)[number];

export function isAssurance(value: unknown): value is Assurance {
  return (ASSURANCES as readonly unknown[]).includes(value);
}

export function isAtLeast(shown: Assurance, asked: Assurance): boolean {
  return ASSURANCES.indexOf(shown) >= ASSURANCES.indexOf(asked);
}

export function highestOf(levels: readonly Assurance[]): Assurance {
  return levels.reduce((highest, level) => (isAtLeast(highest, level) ? highest : level), "low");
}

/** `acr` values that providers use: FranceConnect's, and those of the eIDAS technical specifications. */
const ACR: Readonly<Record<string, Assurance>> = Object.fromEntries(
  ASSURANCES.flatMap((level, index) => [
    [level, level],
    [`eidas${index + 1}`, level],
    [`http://eidas.europa.eu/LoA/${level}`, level],
  ]),
);

/** What an ID token's `acr` claims; whatever says nothing that is known is low. */
export function assuranceOf(acr: unknown): Assurance {
  return (typeof acr === "string" && Object.hasOwn(ACR, acr) && ACR[acr]) || "low";
}

/** This level and those above it, in the order of preference of `acr_values` (OpenID Connect Core §3.1.2.1), in both spellings. */
export function acrValuesFrom(least: Assurance): string {
  const levels = ASSURANCES.slice(ASSURANCES.indexOf(least));
  return levels.flatMap((level) => [`http://eidas.europa.eu/LoA/${level}`, `eidas${ASSURANCES.indexOf(level) + 1}`]).join(" ");
}
