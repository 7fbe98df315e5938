import { createHash } from "node:crypto";
import { RelaisError } from "../errors.ts";
import type { Bytes } from "../transfer/adapter.ts";

/**
 * A sealed package, version 1 (docs/mailbox.md): one item, readable by the platform that it is sealed to and by nobody else. Here is its form; the
 * ciphers are where keys are (`src/keys`, `src/sdk`).
 */
export const PACKAGE_TYPE = "application/self-data-package";
/** `typ` of the signed claims inside the header. */
export const CLAIMS_TYPE = "self-data-package+jwt";
export const SEALING_ALG = "ECDH-ES+A256KW";
export const SEALING_ENC = "A256GCM";

export const CHUNK_BYTES = 65_536;
export const TAG_BYTES = 16;
const PREFIX_BYTES = 8;
const MAGIC = Buffer.from("SDPK\u0001", "latin1");
const MOST_HEADER_BYTES = 16_384;

/** What the sealer says, and signs, of what is inside. */
export interface PackageClaims {
  /** Who sealed it: Relais, or the holder. */
  iss: string;
  iat: number;
  /** Of this package alone. */
  jti: string;
  /** The platform's entity identifier. */
  aud: string;
  consent: string;
  /** A holder that seals does not know it. */
  transfer?: string | undefined;
  dataset: string;
  key: string;
  /** Of what is inside. */
  media_type: string;
  /** The content key: 32 bytes, base64url. */
  cek: string;
}

/** Everything before the first chunk: mark, version, length, and the claims as a compact JWE. */
export function headerOf(jwe: string): Buffer {
  const text = Buffer.from(jwe, "latin1");
  if (text.length > MOST_HEADER_BYTES) throw broken("has a header that is too long");
  const prefix = Buffer.alloc(PREFIX_BYTES);
  MAGIC.copy(prefix);
  prefix.writeUIntBE(text.length, MAGIC.length, 3);
  return Buffer.concat([prefix, text]);
}

/** Bound into every chunk, so that none passes for a chunk of another package. */
export function bindingOf(header: Uint8Array): Buffer {
  return createHash("sha256").update(header).digest();
}

/** 11 bytes of number, and 1 for the last chunk (STREAM, as age has it): what is cut short, exchanged, repeated or added does not open. */
export function nonceOf(number: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(number, 5, 6);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

export interface Chunk {
  chunk: Buffer;
  number: number;
  isLast: boolean;
}

/** Pieces of this length; the last one is the rest, and is empty only where nothing else is there. Memory stays at one of them. */
export async function* chunksOf(bytes: Bytes, size: number): AsyncGenerator<Chunk> {
  let pending: Buffer[] = [];
  let length = 0;
  let number = 0;
  for await (const piece of bytes) {
    pending.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
    length += piece.byteLength;
    if (length <= size) continue;
    let all = Buffer.concat(pending);
    for (; all.length > size; all = all.subarray(size)) yield { chunk: all.subarray(0, size), number: number++, isLast: false };
    [pending, length] = [[all], all.length];
  }
  yield { chunk: Buffer.concat(pending), number, isLast: true };
}

export interface OpenedFrame {
  header: Buffer;
  /** The compact JWE in it. */
  jwe: string;
  /** Its protected header, before anything is proved. */
  sealedTo: { kid?: string | undefined; alg?: string | undefined; enc?: string | undefined };
  /** What follows the header; to be read once. */
  rest: Bytes;
  /** For whoever reads no more: where they come from is let go. */
  close(): Promise<void>;
}

/**
 * Reads the header and leaves the rest as a stream. Where it throws, the bytes are let go at their source.
 * @throws RelaisError `peer_protocol` where it is no package, or of a version that is not known here.
 */
export async function readFrame(bytes: Bytes): Promise<OpenedFrame> {
  const reader = bytes[Symbol.asyncIterator]();
  const close = async (): Promise<void> => void (await reader.return?.());
  try {
    return { ...(await frameIn(reader)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function frameIn(reader: AsyncIterator<Uint8Array>): Promise<Omit<OpenedFrame, "close">> {
  let held: Buffer = Buffer.alloc(0);
  const atLeast = async (length: number): Promise<void> => {
    while (held.length < length) {
      const { done, value } = await reader.next();
      if (done) throw broken("ends within its header");
      held = Buffer.concat([held, value]);
    }
  };
  await atLeast(PREFIX_BYTES);
  const length = lengthIn(held);
  await atLeast(PREFIX_BYTES + length);
  const header = held.subarray(0, PREFIX_BYTES + length);
  const jwe = header.subarray(PREFIX_BYTES).toString("latin1");
  return { header, jwe, sealedTo: protectedHeaderOf(jwe), rest: remaining(held.subarray(header.length), reader) };
}

function lengthIn(held: Buffer): number {
  if (!held.subarray(0, 4).equals(MAGIC.subarray(0, 4))) throw broken("does not begin as one");
  if (held[4] !== MAGIC[4]) throw broken(`has version ${held[4]}, and version 1 is known here`);
  const length = held.readUIntBE(MAGIC.length, 3);
  if (length === 0 || length > MOST_HEADER_BYTES) throw broken("has a header of no possible length");
  return length;
}

async function* remaining(first: Buffer, reader: AsyncIterator<Uint8Array>): Bytes {
  try {
    if (first.length > 0) yield first;
    for (;;) {
      const { done, value } = await reader.next();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.return?.();
  }
}

function protectedHeaderOf(jwe: string): OpenedFrame["sealedTo"] {
  try {
    if (!/^[\w-]+(\.[\w-]+){4}$/.test(jwe)) throw broken("has no compact JWE in its header");
    const { kid, alg, enc } = JSON.parse(Buffer.from(jwe.split(".")[0] as string, "base64url").toString("utf8")) as Record<string, unknown>;
    const text = (value: unknown) => (typeof value === "string" ? value : undefined);
    return { kid: text(kid), alg: text(alg), enc: text(enc) };
  } catch (cause) {
    throw cause instanceof RelaisError ? cause : broken("has no readable header", cause);
  }
}

export function broken(flaw: string, cause?: unknown): RelaisError {
  return new RelaisError("peer_protocol", `The sealed package ${flaw}. Whoever sealed it must do so again.`, { cause });
}
