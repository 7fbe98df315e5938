import { createHash } from "node:crypto";
import { asRelaisError, RelaisError } from "../errors.ts";
import type { Bytes } from "./adapter.ts";

/** What went through: known when the stream has ended. */
export interface Measure {
  bytes: number;
  sha256: string | null;
  /** Set where the source, not the destination, broke the stream. */
  failure: RelaisError | null;
}

interface Announced {
  bytes: number | null;
  sha256: string | null;
}

/**
 * Passes bytes through, counting and hashing them. Ends with an error, before the last chunk's stream is closed, where the bytes are not what
 * was promised: the destination then never sees a whole body.
 */
export function measured(body: Bytes, promised: Announced, limit: number): { body: Bytes; measure: Measure } {
  const measure: Measure = { bytes: 0, sha256: null, failure: null };
  return { body: passThrough(body, promised, limit, measure), measure };
}

async function* passThrough(body: Bytes, promised: Announced, limit: number, measure: Measure): Bytes {
  const hash = createHash("sha256");
  const most = promised.bytes ?? limit;
  try {
    for await (const chunk of body) {
      measure.bytes += chunk.byteLength;
      if (measure.bytes > most) throw tooLarge(promised.bytes === null);
      hash.update(chunk);
      yield chunk;
    }
    measure.sha256 = hash.digest("base64url");
    if (promised.bytes !== null && measure.bytes !== promised.bytes) throw mismatch("is shorter than the source announced");
    if (promised.sha256 !== null && measure.sha256 !== promised.sha256) throw mismatch("has other bytes than the source announced");
  } catch (error) {
    measure.failure = asRelaisError(error);
    throw measure.failure;
  }
}

function tooLarge(overLimit: boolean): RelaisError {
  const what = overLimit ? "An item is larger than Relais carries." : "An item is larger than its source announced.";
  return new RelaisError("too_large", `${what} The source must announce its true size.`, { actor: "holder" });
}

function mismatch(what: string): RelaisError {
  return new RelaisError("digest_mismatch", `An item ${what}. The source must send what it announced.`, { actor: "holder" });
}

/** Reads a stream to its end, keeping nothing. */
export async function measureOf(body: Bytes, promised: Announced, limit: number): Promise<{ bytes: number; sha256: string }> {
  const passing = measured(body, promised, limit);
  for await (const _ of passing.body);
  return { bytes: passing.measure.bytes, sha256: passing.measure.sha256 as string };
}
