import { createHash } from "node:crypto";
import { RelaisError } from "../errors.ts";
import type { PublicJwk } from "./participant.ts";

/** What each kind of key is made of: the members of its thumbprint (RFC 7638 §3.2, RFC 8037 §2), in the order in which they are hashed. */
const MATERIAL: Record<string, readonly string[]> = {
  EC: ["crv", "kty", "x", "y"],
  OKP: ["crv", "kty", "x"],
  RSA: ["e", "kty", "n"],
};
const PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];
const DESCRIBING = ["use", "alg"] as const;
const MOST_KEYS = 20;

/**
 * The usable keys of a published set, with their public members and no others. Kinds of key that are unknown here are left out; a set that shows
 * a secret is refused as a whole, because everybody can sign with it now.
 * @throws RelaisError `peer_protocol` naming what is wrong.
 */
export function publicKeys(published: unknown, name: string): PublicJwk[] {
  if (!Array.isArray(published) || published.length > MOST_KEYS) throw broken(name, `is not a list of at most ${MOST_KEYS} keys`);
  const keys = published.map((key: unknown) => readKey(key, name)).filter((key) => key !== null);
  if (new Set(keys.map(({ kid }) => kid)).size !== keys.length) throw broken(name, "holds two keys with the same kid");
  return keys;
}

function readKey(value: unknown, name: string): PublicJwk | null {
  if (typeof value !== "object" || value === null) throw broken(name, "holds something that is no key");
  const key = value as Record<string, unknown>;
  if (PRIVATE.some((member) => key[member] !== undefined))
    throw broken(name, "shows a private key. Everybody can sign with it now: it must be replaced, not only hidden");
  const material = Object.hasOwn(MATERIAL, String(key["kty"])) ? MATERIAL[String(key["kty"])] : undefined;
  if (material === undefined) return null;
  const kept: PublicJwk = { kty: String(key["kty"]) };
  for (const member of material) kept[member] = textOf(key[member], `${name}/${member}`, /^[\w-]{1,2048}$/);
  if (key["kid"] !== undefined) kept.kid = textOf(key["kid"], `${name}/kid`, /^[!-~]{1,200}$/);
  const certificate = certificateOf(key["x5c"]);
  if (certificate !== null) kept["x5c"] = [certificate];
  for (const member of DESCRIBING)
    if (key[member] !== undefined) kept[member] = textOf(key[member], `${name}/${member}`, /^[\w.+-]{1,40}$/);
  return kept;
}

/** The key's own certificate, the first of its chain (RFC 7517 §4.7). What is none does no harm: nobody can prove themselves by it. */
function certificateOf(chain: unknown): string | null {
  const first: unknown = Array.isArray(chain) ? chain[0] : null;
  return typeof first === "string" && /^[A-Za-z0-9+/]{1,8192}={0,2}$/.test(first) ? first : null;
}

function textOf(value: unknown, name: string, form: RegExp): string {
  if (typeof value !== "string" || !form.test(value)) throw broken(name, "is not what RFC 7517 says");
  return value;
}

function broken(name: string, flaw: string): RelaisError {
  return new RelaisError("peer_protocol", `In the entity configuration, ${name} ${flaw}. The participant must correct it.`);
}

/** RFC 7638: what the key is, whatever it is called. A `kid` can be given to any key. */
export function thumbprintOf(key: PublicJwk): string {
  const material = (MATERIAL[key.kty] ?? []).map((member) => [member, key[member]]);
  return createHash("sha256")
    .update(JSON.stringify(Object.fromEntries(material)))
    .digest("base64url");
}

export function hasKey(keys: readonly PublicJwk[], key: PublicJwk): boolean {
  return keys.some((other) => thumbprintOf(other) === thumbprintOf(key));
}

export function isSameSet(a: readonly PublicJwk[], b: readonly PublicJwk[]): boolean {
  return a.length === b.length && a.every((key) => hasKey(b, key));
}
