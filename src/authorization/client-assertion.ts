import { errors, type Configuration } from "oidc-provider";

/** How far clocks may differ: FAPI 2.0 §5.3.2.1 accepts `iat` and `nbf` up to 10 s ahead, and refuses what is more than 60 s ahead. */
export const CLOCK_SECONDS = 15;
/** Its `jti` is remembered until it ends: nobody makes us remember for years. */
export const LONGEST_SECONDS = 3600;
export const TYPES = [undefined, "jwt", "client-authentication+jwt"];

/** Under which name it is remembered that a client used this assertion: one for both ways in which it may come. */
export function nameOfUse(iss: string, jti: string): string {
  return `${iss} ${jti}`;
}

/**
 * What the library leaves to us of an assertion whose signature holds (RFC 7523 §3, FAPI 2.0 §5.3.3.1): the issuer is its one audience, as a
 * text, so that an assertion that was made for another server is worth nothing here, and the other way round.
 */
export const checkAssertion: NonNullable<Configuration["assertJwtClientAuthClaimsAndHeader"]> = async (ctx, claims, header) => {
  const { aud, iat, nbf, exp } = claims as Record<string, unknown>;
  const now = Math.floor(Date.now() / 1000);
  const isAhead = (time: unknown) => time !== undefined && !(typeof time === "number" && time <= now + CLOCK_SECONDS);
  if (aud !== ctx.oidc.issuer) refuse("aud must be the issuer identifier, as a text");
  if (isAhead(iat) || isAhead(nbf)) refuse("iat and nbf must not lie ahead");
  if (typeof exp !== "number" || exp > now + LONGEST_SECONDS) refuse(`exp must be at most ${LONGEST_SECONDS} s ahead`);
  // The library reads the claims by itself: an extension that changes what was signed (RFC 7797) must not come between.
  if (header["crit"] !== undefined) refuse("no extension of JWS is understood (crit)");
  if (!TYPES.includes((header["typ"] as string | undefined)?.toLowerCase())) refuse("typ must be JWT or client-authentication+jwt");
};

function refuse(why: string): never {
  throw new errors.InvalidClientAuth(`client_assertion: ${why}`);
}
