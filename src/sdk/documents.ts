import { compactVerify, decodeProtectedHeader, importJWK, type JWK } from "jose";
import { MANIFEST_TYPE, RECEIPT_TYPE, sha256, type Manifest, type Receipt } from "../core/transfer/manifest.ts";
import { reconcile, type Verdict } from "../core/transfer/reconcile.ts";

/** Public keys by the entity that signs with them. `*` holds for every entity: use it only for keys that you got by a channel you trust. */
export type KeysByIssuer = Record<string, { keys: JWK[] }>;

export type CheckedDocument = { kind: "manifest"; jws: string; payload: Manifest } | { kind: "receipt"; jws: string; payload: Receipt };

/** What does not verify, and why, as a sentence. */
export class VerificationError extends Error {
  override readonly name = "VerificationError";
}

const ALGORITHMS = ["ES256", "PS256", "Ed25519", "EdDSA"];
const KINDS: Record<string, CheckedDocument["kind"]> = { [MANIFEST_TYPE]: "manifest", [RECEIPT_TYPE]: "receipt" };

/**
 * Checks one manifest or receipt: its type, its issuer and its signature by a key of that issuer (RFC 7515).
 * `keysOf` finds an issuer's keys: a file you keep, or its published set.
 * @throws VerificationError
 */
export async function verifyDocument(jws: string, keysOf: (issuer: string, kid?: string) => Promise<JWK[]>): Promise<CheckedDocument> {
  const header = headerOf(jws);
  const kind = KINDS[header.typ ?? ""];
  if (kind === undefined)
    throw new VerificationError(`This is neither a manifest nor a receipt: its type is ${header.typ ?? "not stated"}.`);
  if (!ALGORITHMS.includes(header.alg ?? "")) throw new VerificationError(`It is signed with ${header.alg}, which is not accepted.`);
  // What is read below is what was signed: an extension could change that (RFC 7515 §4.1.11, RFC 7797).
  if (header.crit !== undefined) throw new VerificationError("It uses an extension of JWS that no document of the protocol has.");
  const payload = payloadOf(jws);
  assertShape(payload);
  if (kind === "manifest") assertItems(payload, ["media_type"]);
  else assertItems(payload, []);
  const keys = (await keysOf(payload.iss, header.kid)).filter(
    (key) => header.kid === undefined || key.kid === undefined || key.kid === header.kid,
  );
  if (keys.length === 0) throw new VerificationError(`No key of ${payload.iss} with the id ${header.kid} is known.`);
  for (const key of keys) {
    if (await isSignedBy(jws, key, header.alg as string)) return { kind, jws, payload } as unknown as CheckedDocument;
  }
  throw new VerificationError(`The signature is not by ${payload.iss}: the document was changed, or somebody else signed it.`);
}

/**
 * Compares what was sent with what is stored: the receipt must be for this very manifest.
 * Returns a verdict per item. @throws VerificationError where the two do not belong together.
 */
export function compareDocuments(
  manifest: CheckedDocument & { kind: "manifest" },
  receipt: CheckedDocument & { kind: "receipt" },
): Verdict[] {
  if (receipt.payload.manifest !== sha256(manifest.jws)) throw new VerificationError("The receipt is for another manifest.");
  const signer = receipt.payload.observed ? manifest.payload.iss : manifest.payload.destination;
  if (receipt.payload.iss !== signer)
    throw new VerificationError(`The receipt is signed by ${receipt.payload.iss}, and should be by ${signer}.`);
  for (const member of ["transfer", "consent", "source", "destination"] as const) {
    if (receipt.payload[member] !== manifest.payload[member]) throw new VerificationError(`Manifest and receipt name another ${member}.`);
  }
  return reconcile([], manifest.payload, receipt.payload).verdicts;
}

function headerOf(jws: string): { typ?: string | undefined; alg?: string | undefined; kid?: string | undefined; crit?: unknown } {
  try {
    return decodeProtectedHeader(jws);
  } catch {
    throw new VerificationError("This is not a signed document (a compact JWS).");
  }
}

function payloadOf(jws: string): Record<string, unknown> {
  try {
    const payload: unknown = JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString("utf8"));
    if (typeof payload === "object" && payload !== null) return payload as Record<string, unknown>;
  } catch {
    // Falls through: the same answer for what is not JSON and for what is not an object.
  }
  throw new VerificationError("The document's content is not readable.");
}

const TEXTS = ["iss", "transfer", "consent", "source", "destination"];

function assertShape(payload: Record<string, unknown>): asserts payload is Record<string, unknown> & { iss: string } {
  const missing = TEXTS.filter((member) => typeof payload[member] !== "string");
  if (missing.length > 0) throw new VerificationError(`The document lacks ${missing.join(", ")}.`);
}

function assertItems(payload: Record<string, unknown>, more: string[]): void {
  const texts = ["dataset", "key", "sha-256", ...more];
  const items = payload["items"];
  const whole =
    Array.isArray(items) &&
    items.every(
      (item: unknown) => isRecord(item) && texts.every((member) => typeof item[member] === "string") && typeof item["bytes"] === "number",
    );
  const isMade = (item: unknown): boolean => !isRecord(item) || item["made_from"] === undefined || isMadeFrom(item["made_from"]);
  if (!whole || !items.every(isMade) || !Array.isArray(payload["omissions"]))
    throw new VerificationError("The document's list of items is not as the protocol says.");
}

function isMadeFrom(value: unknown): boolean {
  return isRecord(value) && ["key", "sha-256", "by"].every((member) => typeof value[member] === "string");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

async function isSignedBy(jws: string, key: JWK, alg: string): Promise<boolean> {
  try {
    await compactVerify(jws, await importJWK(key, alg), { algorithms: ALGORITHMS });
    return true;
  } catch {
    return false;
  }
}
