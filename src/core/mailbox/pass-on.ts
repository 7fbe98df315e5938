import { RelaisError } from "../errors.ts";
import type { Participant } from "../register/participant.ts";
import type { Bytes } from "../transfer/adapter.ts";
import { broken, readFrame, SEALING_ALG, SEALING_ENC } from "./package-format.ts";
import { sealingKeysOf } from "./sealing-key.ts";

/**
 * What a holder sealed, as it is: only what begins as a package for this platform, for what is mislabelled would lie here in the clear. What is
 * refused is let go at its source.
 * @throws RelaisError `unsupported`, while it is read.
 */
export async function* passOn(body: Bytes, platform: Pick<Participant, "keys">): Bytes {
  const { header, sealedTo, rest, close } = await readFrame(body).catch(notForIt);
  const isForIt = sealingKeysOf(platform).some(({ kid }) => kid === sealedTo.kid);
  if (!isForIt || sealedTo.alg !== SEALING_ALG || sealedTo.enc !== SEALING_ENC) {
    await close();
    notForIt(broken("is not sealed to a key of the platform that it is for"));
  }
  yield header;
  yield* rest;
}

/** One item, not the whole transfer: the others go on. */
function notForIt(cause: unknown): never {
  if (!(cause instanceof RelaisError) || cause.code !== "peer_protocol") throw cause;
  throw new RelaisError("unsupported", cause.message, { actor: "holder", cause });
}
