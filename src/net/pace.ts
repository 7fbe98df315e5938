import type { Dispatcher } from "undici";
import { type Actor, RelaisError } from "../core/errors.ts";
import type { Bytes } from "../core/transfer/adapter.ts";

/** Fewer bytes in a whole window of waiting are no delivery: some 500 a second in half a minute. */
export const LEAST_BYTES = 16 * 1024;

/**
 * An answer that trickles would hold its place for months: each byte starts the idle timeout anew. Only the time counts in which we wait for the
 * other side, not the time in which what it sent is carried on.
 * @throws RelaisError `peer_unavailable`.
 */
export async function* paced(body: AsyncIterable<Uint8Array>, window: number, actor: Actor): Bytes {
  const chunks = body[Symbol.asyncIterator]();
  let waited = 0;
  let bytes = 0;
  try {
    for (;;) {
      const askedAt = performance.now();
      const { done, value } = await chunks.next();
      if (done === true) return;
      waited += performance.now() - askedAt;
      bytes += value.byteLength;
      if (waited > window) {
        if (bytes < LEAST_BYTES) throw tooSlow("sends", actor);
        waited = bytes = 0;
      }
      yield value;
    }
  } finally {
    await chunks.return?.();
  }
}

/** A body of at most `LEAST_BYTES`, within one such window. @throws RelaisError `peer_unavailable`. */
export async function atOnce(body: Dispatcher.ResponseData["body"], window: number, actor: Actor): Promise<Uint8Array> {
  const silence = setTimeout(() => body.destroy(tooSlow("sends", actor)), window);
  try {
    return await body.bytes();
  } finally {
    clearTimeout(silence);
  }
}

/** A body that is sent, which calls `onSilence` where a chunk of it is not taken within the window: while a body is sent, no other timeout runs. */
export async function* taken(body: AsyncIterable<Uint8Array>, window: number, onSilence: () => void): Bytes {
  for await (const chunk of body) {
    const silence = setTimeout(onSilence, window);
    try {
      yield chunk;
    } finally {
      clearTimeout(silence);
    }
  }
}

export function tooSlow(does: "sends" | "takes", actor: Actor): RelaisError {
  return new RelaisError("peer_unavailable", `The other side ${does} next to nothing for a long time. Relais tries again by itself.`, {
    actor,
    details: { failure: "too_slow" },
  });
}
