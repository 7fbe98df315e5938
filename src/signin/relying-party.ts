import { isIP } from "node:net";

/** The name for which passkeys are made: Relais' own host. Null where it is a number, for which browsers make none (WebAuthn §5.1.2). */
export function relyingPartyId(issuer: string): string | null {
  const { hostname } = new URL(issuer);
  return isIP(hostname.replace(/^\[|\]$/g, "")) === 0 ? hostname : null;
}

export function rpIdOf({ issuer }: { issuer: string }): string {
  return relyingPartyId(issuer) ?? "";
}
