import { createCipheriv, createDecipheriv, createHash, randomBytes, randomUUID } from "node:crypto";
import { CompactEncrypt, CompactSign, compactDecrypt, compactVerify, decodeProtectedHeader, importJWK, type JWK } from "jose";
import {
  bindingOf,
  CHUNK_BYTES,
  chunksOf,
  CLAIMS_TYPE,
  headerOf,
  nonceOf,
  PACKAGE_TYPE,
  readFrame,
  SEALING_ALG,
  SEALING_ENC,
  TAG_BYTES,
  type OpenedFrame,
  type PackageClaims,
} from "../core/mailbox/package-format.ts";
import { RelaisError } from "../core/errors.ts";
import type { Bytes } from "../core/transfer/adapter.ts";

export { PACKAGE_TYPE, type PackageClaims };

/** A private key that signs (`alg` ES256, PS256, Ed25519), with its `kid`. */
export type SigningKey = JWK & { kid: string; alg: string };

/** Why a package does not open, as a sentence. Nothing that was given out before is to be kept. */
export class PackageError extends Error {
  override readonly name = "PackageError";
}

export interface Sealing {
  /** The platform's public key with `use: enc`, as its entity configuration publishes it. */
  to: JWK & { kid: string };
  /** Your entity identifier, and a key of your published `oauth_client.jwks`. */
  by: { entityId: string; key: SigningKey };
  /** What the consent token said: the consent, and the destination. */
  consent: string;
  destination: string;
  dataset: string;
  key: string;
  /** Of what is inside. */
  mediaType: string;
}

/**
 * For a holder that seals at its side: Relais passes on what comes out of here and cannot open it. List and serve the item with the media type
 * `application/self-data-package`, and length and digest of the sealed bytes: seal once and keep them, for each sealing is another one.
 */
export async function* sealPackage(plain: AsyncIterable<Uint8Array>, sealing: Sealing): AsyncGenerator<Uint8Array> {
  const contentKey = randomBytes(32);
  const header = headerOf(await sealClaims(sealing, contentKey));
  yield header;
  const binding = bindingOf(header);
  for await (const { chunk, number, isLast } of chunksOf(plain, CHUNK_BYTES)) {
    const cipher = createCipheriv("aes-256-gcm", contentKey, nonceOf(number, isLast), { authTagLength: TAG_BYTES }).setAAD(binding);
    yield Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
  }
}

async function sealClaims({ to, by, consent, destination, dataset, key, mediaType }: Sealing, contentKey: Buffer): Promise<string> {
  const claims: PackageClaims = {
    iss: by.entityId,
    iat: Math.floor(Date.now() / 1000),
    jti: randomUUID(),
    aud: destination,
    consent,
    dataset,
    key,
    media_type: mediaType,
    cek: contentKey.toString("base64url"),
  };
  const { kid, alg } = by.key;
  const jws = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg, kid, typ: CLAIMS_TYPE })
    .sign(await importJWK(by.key, alg));
  return new CompactEncrypt(new TextEncoder().encode(jws))
    .setProtectedHeader({ alg: SEALING_ALG, enc: SEALING_ENC, kid: to.kid, cty: "JWT" })
    .encrypt(await importJWK({ ...to, alg: SEALING_ALG }, SEALING_ALG));
}

export interface Opening {
  /** Your private keys with `use: enc`; the one that the package names opens it. */
  keys: readonly JWK[];
  /** Public keys of whoever sealed it: of Relais (`{issuer}/.well-known/jwks.json`), or of the holder. An empty list: nobody you believe. */
  keysOf(issuer: string, kid?: string): Promise<readonly JWK[]>;
  /** What it must be: as the mailbox lists it and the manifest says. `transfer` is compared where the package names one. */
  expected: Pick<PackageClaims, "aud" | "consent" | "dataset" | "key"> & { transfer: string };
}

export interface OpenedPackage {
  claims: Omit<PackageClaims, "cek">;
  /**
   * What is inside, chunk by chunk, each proved before it is given. Only a stream that ends without an error is whole: keep nothing of another.
   */
  bytes: AsyncGenerator<Uint8Array>;
  /** Length and SHA-256 of what went through so far: `sealed` as it came, `plain` as it was given out. */
  measures: { sealed: Measure; plain: Measure };
}

export interface Measure {
  bytes: number;
  /** base64url; null until the stream has ended. */
  sha256: string | null;
}

/**
 * Opens a sealed package as a stream, in the memory of one chunk. Who sealed it, for whom, and which item it is are proved before the first byte.
 * @throws PackageError, also while `bytes` is read: it was changed, cut short, put together from others, or is another item's.
 */
export async function openPackage(sealed: AsyncIterable<Uint8Array>, opening: Opening): Promise<OpenedPackage> {
  const measures = { sealed: { bytes: 0, sha256: null }, plain: { bytes: 0, sha256: null } };
  const frame = await readFrame(measuring(sealed, measures.sealed)).catch(refuseForm);
  const { claims, contentKey } = await openHeader(frame, opening).catch(async (error: unknown) => {
    await frame.close();
    throw error;
  });
  return { claims, bytes: measuring(openChunks(frame.rest, contentKey, bindingOf(frame.header)), measures.plain), measures };
}

async function openHeader(frame: OpenedFrame, opening: Opening): Promise<{ claims: OpenedPackage["claims"]; contentKey: Buffer }> {
  const { cek, ...claims } = await openClaims(frame, opening);
  const contentKey = Buffer.from(cek, "base64url");
  if (contentKey.length !== 32) throw new PackageError("The content key of the package has another length than 32 bytes.");
  return { claims, contentKey };
}

async function* openChunks(sealed: Bytes, contentKey: Buffer, binding: Buffer): AsyncGenerator<Uint8Array> {
  for await (const { chunk, number, isLast } of chunksOf(sealed, CHUNK_BYTES + TAG_BYTES)) {
    const end = chunk.length - TAG_BYTES;
    // A last chunk is empty only where nothing is inside: else two packages would be one content.
    if (end < 0 || (end === 0 && number > 0)) throw new PackageError("The package was cut short.");
    const decipher = createDecipheriv("aes-256-gcm", contentKey, nonceOf(number, isLast), { authTagLength: TAG_BYTES })
      .setAAD(binding)
      .setAuthTag(chunk.subarray(end));
    yield proved(() => Buffer.concat([decipher.update(chunk.subarray(0, end)), decipher.final()]), number);
  }
}

function proved(work: () => Buffer, number: number): Buffer {
  try {
    return work();
  } catch (cause) {
    throw new PackageError(`Chunk ${number} of the package does not open: it was changed, cut short, or is another one's.`, { cause });
  }
}

async function* measuring(bytes: AsyncIterable<Uint8Array>, measure: Measure): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const chunk of bytes) {
    measure.bytes += chunk.byteLength;
    hash.update(chunk);
    yield chunk;
  }
  measure.sha256 = hash.digest("base64url");
}

/** A failure of `keysOf` is none of the package's, and is passed on. */
async function openClaims({ jwe, sealedTo }: OpenedFrame, { keys, keysOf, expected }: Opening): Promise<PackageClaims> {
  const own = keys.find((key) => key.kid === sealedTo.kid);
  if (own === undefined) throw new PackageError(`The package is sealed to a key that is not yours (${String(sealedTo.kid)}).`);
  const { plaintext } = await compactDecrypt(jwe, await importJWK({ ...own, alg: SEALING_ALG }, SEALING_ALG), {
    keyManagementAlgorithms: [SEALING_ALG],
    contentEncryptionAlgorithms: [SEALING_ENC],
    maxDecompressedLength: 0,
  }).catch(refuse);
  const claims = await verifiedClaims(new TextDecoder().decode(plaintext), keysOf);
  for (const name of ["aud", "consent", "dataset", "key"] as const)
    if (claims[name] !== expected[name]) throw new PackageError(`The package was sealed for another ${NAMES[name]}.`);
  if (claims.transfer !== undefined && claims.transfer !== expected.transfer)
    throw new PackageError("The package was sealed for another transfer.");
  return claims;
}

const NAMES = { aud: "platform", consent: "permission", dataset: "data set", key: "item" };
const SIGNATURES = ["ES256", "PS256", "Ed25519", "EdDSA"];
const TEXTS = ["iss", "jti", "aud", "consent", "dataset", "key", "media_type", "cek"] as const;

async function verifiedClaims(jws: string, keysOf: Opening["keysOf"]): Promise<PackageClaims> {
  const { claims, kid, typ, alg } = readClaims(jws);
  if (typ !== CLAIMS_TYPE) throw new PackageError("What is sealed in the header is of another type.");
  for (const key of (await keysOf(claims.iss, kid)).filter((one) => one.use !== "enc" && (one.kid === undefined || one.kid === kid))) {
    const verified = await importJWK(key, alg)
      .then((imported) => compactVerify(jws, imported, { algorithms: SIGNATURES }))
      .catch(() => null);
    if (verified) return claims;
  }
  throw new PackageError(`The package is not signed by ${claims.iss} with a key that is known of it.`);
}

/** As they are written, before anything is proved. */
function readClaims(jws: string): { claims: PackageClaims; kid?: string | undefined; typ?: string | undefined; alg?: string | undefined } {
  try {
    const claims = JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString("utf8")) as PackageClaims;
    const { kid, typ, alg } = decodeProtectedHeader(jws);
    if (TEXTS.every((name) => typeof claims[name] === "string") && Number.isSafeInteger(claims.iat)) return { claims, kid, typ, alg };
  } catch (cause) {
    refuse(cause);
  }
  throw new PackageError("What is sealed in the header lacks something that version 1 has.");
}

function refuse(cause: unknown): never {
  throw cause instanceof PackageError ? cause : new PackageError("The header of the package does not open.", { cause });
}

/** What the stream itself throws is the caller's own, and is passed on. */
function refuseForm(cause: unknown): never {
  if (!(cause instanceof RelaisError)) throw cause;
  throw new PackageError(cause.message, { cause });
}
