/** Members of the European Union (ISO 3166-1 alpha-2; Greece is GR). */
const EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split(" ");

/** Groups of countries that a holder may name: the European Union, and the European Economic Area, in which the GDPR applies. */
const GROUPS: Record<string, readonly string[]> = { EU, EEA: [...EU, "IS", "LI", "NO"] };
export const REGION_GROUPS = Object.keys(GROUPS);

/** A country and the groups that it belongs to; nothing for what is no country. */
export function regionsOf(country: string): string[] {
  const code = country.toUpperCase();
  return isCountry(code) ? [code, ...REGION_GROUPS.filter((group) => GROUPS[group]?.includes(code))] : [];
}

export function isRegion(value: string): boolean {
  return isCountry(value) || REGION_GROUPS.includes(value);
}

/** `EU` has the form of a country's code and is none; ISO 3166 reserves it for the Union. */
function isCountry(code: string): boolean {
  return /^[A-Z]{2}$/.test(code) && code !== "EU";
}
