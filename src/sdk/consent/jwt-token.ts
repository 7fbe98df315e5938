import type { JWTVerifyGetKey } from "jose";
import { STATUS } from "../../core/federation/status-list.ts";
import { ConsentError } from "../consent-error.ts";
import type { TokenClaims } from "./consented.ts";
import { signedByRelais } from "./relais-keys.ts";
import type { StatusLists } from "./status-lists.ts";

interface Settings {
  issuer: string;
  entityId: string;
  keys: JWTVerifyGetKey;
  lists: StatusLists;
}

const TYPE = "at+jwt";

/**
 * Claims of a JWT access token (RFC 9068 §4): signed by Relais for this source, in its time, and its consent stands by the status list
 * (Token Status List §8.3). No clock tolerance: a token of sixty seconds is renewed after thirty.
 * @throws ConsentError
 */
export async function readJwtToken({ issuer, entityId, keys, lists }: Settings, token: string): Promise<TokenClaims> {
  const claims = await signedByRelais(token, keys, {
    issuer,
    audience: entityId,
    typ: TYPE,
    requiredClaims: ["exp", "iat", "sub", "client_id", "jti", "status"],
    broken: "token_invalid",
  });
  const standing = await lists.read(placeOf(claims["status"], issuer));
  if (standing !== STATUS.valid) throw new ConsentError("consent_ended");
  return claims;
}

/** A list at another origin would let somebody else say what stands. */
function placeOf(status: unknown, issuer: string): { idx: number; uri: string } {
  const { idx, uri } = (status as { status_list?: { idx?: unknown; uri?: unknown } } | null)?.status_list ?? {};
  const isOurs = typeof uri === "string" && URL.canParse(uri) && new URL(uri).origin === new URL(issuer).origin;
  if (!isOurs || !Number.isSafeInteger(idx)) throw new ConsentError("token_invalid");
  return { idx: idx as number, uri };
}

/** Three parts, of which the first is a header: an opaque token of Relais has one. */
export function isJwt(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
}
