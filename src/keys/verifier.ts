import { createPublicKey, verify, type KeyObject } from "node:crypto";
import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK, type JWK } from "jose";
import { z } from "zod";
import { derOf } from "../core/ecdsa-signature.ts";
import { RelaisError } from "../core/errors.ts";
import type { SignedStatements } from "../core/federation/statement.ts";
import { isId } from "../core/ids.ts";
import type { EntityConfiguration, Verifier } from "../core/ports.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { OMISSION_REASONS, RECEIPT_TYPE, type Receipt } from "../core/transfer/manifest.ts";

/** What we accept from others. `none`, HMAC and RSA with PKCS #1 v1.5 are not among them. */
const ALGORITHMS = ["ES256", "PS256", "Ed25519", "EdDSA"];
const SKEW_SECONDS = 60;

const digest = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const named = { dataset: z.string().min(1), key: z.string().min(1) };
const receipt = z.object({
  iss: z.string(),
  iat: z.int(),
  transfer: z.custom<Receipt["transfer"]>((value) => isId("transfer", value)),
  consent: z.custom<Receipt["consent"]>((value) => isId("consent", value)),
  source: z.string(),
  destination: z.string(),
  manifest: digest,
  observed: z.boolean(),
  items: z.array(z.object({ ...named, bytes: z.int().min(0), "sha-256": digest, outcome: z.enum(["accepted", "waiting"]).optional() })),
  omissions: z.array(z.object({ ...named, reason: z.enum(OMISSION_REASONS) })),
  deletions: z.array(z.object({ ...named, outcome: z.enum(["removed", "kept"]) })).optional(),
});

export function createVerifier(): Verifier {
  return { verifyReceipt };
}

async function verifyReceipt(jws: string, keys: PublicJwk[]): Promise<Receipt> {
  const parsed = receipt.safeParse(await verifyCompact(jws, { type: RECEIPT_TYPE, keys }));
  if (!parsed.success) throw broken("The receipt lacks a member, or one has another form than the protocol says.", parsed.error);
  return parsed.data;
}

/**
 * The JSON payload of a compact JWS of this type, signed by one of these keys. The key is chosen by `kid`; a set that also
 * holds keys we cannot use is no obstacle.
 * @throws RelaisError `peer_protocol`.
 */
export async function verifyCompact(jws: string, expected: { type: string; keys: PublicJwk[] }): Promise<Record<string, unknown>> {
  const header = readHeader(jws);
  if (header.typ?.toLowerCase() !== expected.type) throw broken(`The document is not of the type ${expected.type}.`);
  if (!ALGORITHMS.includes(header.alg ?? ""))
    throw broken(`The document is signed with an algorithm that is not accepted. Use one of ${ALGORITHMS.join(", ")}.`);
  const candidates = expected.keys.filter((key) => key.use !== "enc" && (header.kid === undefined || key.kid === header.kid));
  for (const key of candidates.filter((one) => one.alg === undefined || isSameAlgorithm(one.alg, header.alg))) {
    const payload = isUsual(header, key) ? verifyUsual(jws, key) : await verifyWith(jws, key, header.alg as string);
    if (payload) return parsePayload(payload);
  }
  throw broken("The signature does not match a published key of the signer.");
}

/** What the core needs to validate chains and marks. */
export const signedStatements: SignedStatements = {
  read: (jwt) => ({ kid: readHeader(jwt).kid ?? null, claims: readClaims(jwt) }),
  verify: verifyCompact,
};

function readHeader(jws: string): {
  alg?: string | undefined;
  kid?: string | undefined;
  typ?: string | undefined;
  crit?: unknown;
  b64?: unknown;
} {
  try {
    return decodeProtectedHeader(jws);
  } catch (error) {
    throw broken("The document is not a compact JWS.", error);
  }
}

/** A key is for the algorithm that it names (RFC 7517 §4.4). Ed25519 has two names (RFC 9864). */
function isSameAlgorithm(a: string, b: string | undefined): boolean {
  const named = (name: string | undefined) => (name === "EdDSA" ? "Ed25519" : name);
  return named(a) === named(b);
}

async function verifyWith(jws: string, key: PublicJwk, alg: string): Promise<Uint8Array | null> {
  try {
    return (await compactVerify(jws, await importJWK(key as JWK, alg), { algorithms: ALGORITHMS })).payload;
  } catch {
    return null;
  }
}

/** What nearly every receipt is, so that it is checked by `node:crypto`, which takes a quarter of what jose takes with a key that it does not know (D7). */
function isUsual(header: { alg?: string | undefined; crit?: unknown; b64?: unknown }, { kty, crv, key_ops: uses }: PublicJwk): boolean {
  const isPlain = header.crit === undefined && header.b64 === undefined && uses === undefined;
  return header.alg === "ES256" && isPlain && kty === "EC" && crv === "P-256";
}

/** RFC 7515 §7.1, with a signature of P-256, and nothing that a lenient decoder would overlook. */
const COMPACT = /^([\w-]+\.([\w-]*))\.([\w-]{86})$/;
/** A key is read once, for as long as somebody holds what it was read from. */
const known = new WeakMap<PublicJwk, KeyObject>();

function verifyUsual(jws: string, jwk: PublicJwk): Uint8Array | null {
  const [, input = "", payload = "", signature = ""] = COMPACT.exec(jws) ?? [];
  try {
    const key = known.get(jwk) ?? createPublicKey({ key: jwk, format: "jwk" });
    known.set(jwk, key);
    const holds = signature !== "" && verify("sha256", Buffer.from(input), key, derOf(Buffer.from(signature, "base64url")));
    return holds ? Buffer.from(payload, "base64url") : null;
  } catch {
    return null;
  }
}

function parsePayload(bytes: Uint8Array): Record<string, unknown> {
  try {
    const payload: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof payload === "object" && payload !== null && !Array.isArray(payload)) return payload as Record<string, unknown>;
  } catch (error) {
    throw broken("The document's payload is not JSON.", error);
  }
  throw broken("The document's payload is not a JSON object.");
}

/** Until the year 9999: what comes after is no date that anything could keep. */
const time = z.number().min(0).max(253_402_300_799);
const MOST_KEYS = 20;
const MOST_LEVELS = 20;
const jwks = z.object({
  keys: z
    .array(z.looseObject({ kty: z.string(), kid: z.string().min(1) }))
    .min(1)
    .max(MOST_KEYS),
});
const statement = z.looseObject({
  iss: z.string(),
  sub: z.string(),
  iat: time,
  exp: time,
  jwks,
  metadata: z.record(z.string(), z.record(z.string(), z.unknown())),
  crit: z.undefined().optional(),
});

/**
 * An entity's own configuration, verified with the keys it holds itself (OpenID Federation 1.0 §3.2).
 * @throws RelaisError `peer_protocol`.
 */
export async function verifyEntityConfiguration(jwt: string, entityId: string, now: Date): Promise<EntityConfiguration> {
  const claims = readClaims(jwt);
  if (isDeeper(claims, MOST_LEVELS)) throw broken(`The entity configuration is nested deeper than ${MOST_LEVELS} levels.`);
  const claimed = z.object({ jwks }).safeParse(claims);
  if (!claimed.success) throw broken(`The entity configuration does not hold 1 to ${MOST_KEYS} keys with a \`kid\`.`, claimed.error);
  const keys = claimed.data.jwks.keys as PublicJwk[];
  if (new Set(keys.map((key) => key.kid)).size !== keys.length) throw broken("Two keys of the entity configuration share a `kid`.");
  const signedBy = keys.find((key) => key.kid === readHeader(jwt).kid);
  if (!signedBy) throw broken("The header of the entity configuration names no `kid` of its keys.");
  const parsed = statement.safeParse(await verifyCompact(jwt, { type: "entity-statement+jwt", keys }));
  if (!parsed.success)
    throw broken("The entity configuration lacks a required claim, or one has another form than OpenID Federation says.", parsed.error);
  const { iss, sub, iat, exp, metadata } = parsed.data;
  if (iss !== entityId || sub !== entityId) throw broken("The entity configuration is about another entity than the one that was asked.");
  const seconds = now.getTime() / 1000;
  if (exp <= seconds || iat > seconds + SKEW_SECONDS) throw broken("The entity configuration is expired, or dated in the future.");
  return { entityId, jwt, keys, signedBy, readAt: now, issuedAt: new Date(iat * 1000), expiresAt: new Date(exp * 1000), metadata };
}

/** Level by level, without a call for each. */
function isDeeper(value: unknown, most: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= most; depth++)
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one) : []));
  return level.length > 0;
}

function readClaims(jwt: string): Record<string, unknown> {
  try {
    return decodeJwt(jwt);
  } catch (error) {
    throw broken("The document is not a signed JWT.", error);
  }
}

function broken(message: string, cause?: unknown): RelaisError {
  return new RelaisError("peer_protocol", message, { cause });
}
