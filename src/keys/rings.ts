import { createPrivateKey, type JsonWebKey, type KeyObject } from "node:crypto";
import type { PublicJwk } from "../core/register/participant.ts";

/** The role of a process. A process holds the private keys of its own role, and reads the public halves of the other. */
export type KeyPurpose = "web" | "worker";

/** What each ring of keys is for, and whether its public half belongs in `/.well-known/jwks.json`. Federation keys serve nothing else (OpenID Federation 1.0 §3.1). */
// oxfmt-ignore
export const RINGS = {
  oauth:      { purpose: "web",    use: "sig", alg: "ES256",          published: true },
  signin:     { purpose: "web",    use: "sig", alg: "ES256",          published: true },
  answers:    { purpose: "web",    use: "enc", alg: "ECDH-ES",        published: true },
  federation: { purpose: "web",    use: "sig", alg: "ES256",          published: false },
  documents:  { purpose: "worker", use: "sig", alg: "ES256",          published: true },
  worker:     { purpose: "worker", use: "sig", alg: "ES256",          published: true },
  sealing:    { purpose: "worker", use: "enc", alg: "ECDH-ES+A256KW", published: true },
} as const satisfies Record<string, { purpose: KeyPurpose; use: string; alg: string; published: boolean }>;
export type RingName = keyof typeof RINGS;
export const RING_NAMES = Object.keys(RINGS) as RingName[];

/** One of our own keys. `kid` is its RFC 7638 thumbprint. */
export interface OwnKey {
  kid: string;
  privateKey: KeyObject;
  privateJwk: JsonWebKey;
  publicJwk: PublicJwk;
}

/** Reasons of OpenID Federation 1.0 §8.7.3. */
export const REVOCATION_REASONS = ["compromised", "superseded", "unspecified"] as const;
export type RevocationReason = (typeof REVOCATION_REASONS)[number];

/** With its times in seconds: `iat` made, `nbf` used from (announced before), `exp` ended. */
type Timed = Readonly<Record<string, unknown>>;

/** A key that is neither to come nor over may sign; of several, the one whose time began last is current. */
export function stateOf(key: Timed, now: number): "usable" | "next" | "ended" | "revoked" {
  const { nbf, exp, revoked } = key;
  if (revoked !== undefined) return "revoked";
  if (exp !== undefined && Number(exp) <= now) return "ended";
  return nbf !== undefined && Number(nbf) > now ? "next" : "usable";
}

const ORDER = { usable: 0, next: 1, ended: 2, revoked: 3 } as const;
const beganAt = ({ iat, nbf }: Timed): number => Number(nbf ?? iat ?? 0);

/** The current key first, then the one that is announced, then those of the past, the younger before the older. */
export function inOrder<T>(keys: readonly T[], timesOf: (key: T) => Timed, now: number): T[] {
  const rank = (key: T) => ORDER[stateOf(timesOf(key), now)];
  return keys.toSorted((a, b) => rank(a) - rank(b) || beganAt(timesOf(b)) - beganAt(timesOf(a)));
}

const PRIVATE_MEMBERS = ["d"];

/** The keys of a ring's file. */
export function ownKeys(text: string): OwnKey[] {
  return (JSON.parse(text) as { keys: JsonWebKey[] }).keys.map((privateJwk) => {
    const publicJwk = Object.fromEntries(
      Object.entries(privateJwk).filter(([name]) => !PRIVATE_MEMBERS.includes(name)),
    ) as unknown as PublicJwk;
    return { kid: String(publicJwk.kid), privateKey: createPrivateKey({ key: privateJwk, format: "jwk" }), privateJwk, publicJwk };
  });
}
