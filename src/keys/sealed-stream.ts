import { createCipheriv, createDecipheriv, scryptSync } from "node:crypto";
import { RelaisError } from "../core/errors.ts";
import { CHUNK_BYTES, chunksOf, nonceOf, TAG_BYTES } from "../core/mailbox/package-format.ts";

/** A file that only who knows the secret can read, or make. */
export interface Sealing {
  secret: string;
  salt: Uint8Array;
  /** What stands before the sealed bytes in the clear; it cannot be changed unseen. */
  header: Uint8Array;
}

/** 128 MiB and some 0.3 s for each guess. */
const SCRYPT = { N: 131_072, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };

/**
 * Chunks of 64 KiB, each by AES-256-GCM with its number and whether it is the last one in its nonce (the STREAM construction, Hoang, Reyhanitabar,
 * Rogaway and Vizár 2015, as age uses it): what is cut short, exchanged or added does not open. Memory stays at one chunk.
 */
export async function* sealStream(plain: AsyncIterable<Uint8Array>, sealing: Sealing): AsyncGenerator<Buffer> {
  const key = keyOf(sealing);
  for await (const { chunk, number, isLast } of chunksOf(plain, CHUNK_BYTES)) {
    const cipher = createCipheriv("aes-256-gcm", key, nonceOf(number, isLast)).setAAD(sealing.header);
    yield Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
  }
}

/**
 * What was sealed, as far as it is whole; nothing of a chunk that is not.
 * @throws RelaisError `invalid` for another secret, and for bytes that were changed, cut short or added.
 */
export async function* openStream(sealed: AsyncIterable<Uint8Array>, sealing: Sealing): AsyncGenerator<Buffer> {
  const key = keyOf(sealing);
  for await (const { chunk, number, isLast } of chunksOf(sealed, CHUNK_BYTES + TAG_BYTES)) {
    if (chunk.length < TAG_BYTES) throw broken(number);
    const end = chunk.length - TAG_BYTES;
    const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(number, isLast), { authTagLength: TAG_BYTES })
      .setAAD(sealing.header)
      .setAuthTag(chunk.subarray(end));
    yield opened(() => Buffer.concat([decipher.update(chunk.subarray(0, end)), decipher.final()]), number);
  }
}

function opened(work: () => Buffer, number: number): Buffer {
  try {
    return work();
  } catch (cause) {
    throw broken(number, cause);
  }
}

function broken(number: number, cause?: unknown): RelaisError {
  const what = number === 0 ? "It was sealed with another passphrase, or its beginning was changed." : "It was changed, or cut short.";
  return new RelaisError("invalid", `The file does not open. ${what}`, { actor: "operator", cause });
}

function keyOf({ secret, salt }: Sealing): Buffer {
  return scryptSync(secret.normalize("NFC"), salt, 32, SCRYPT);
}
