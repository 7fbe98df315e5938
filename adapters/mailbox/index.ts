import { RelaisError } from "../../src/core/errors.ts";
import type { Adapter, Destination, Draft, Opening } from "../../src/core/transfer/adapter.ts";

/** A platform that nobody can reach: what is for it waits, sealed to its key, until it fetches it (`docs/mailbox.md`). */
export const mailbox: Adapter = {
  name: "mailbox",
  needsDigest: false,
  concurrency: 4,
  openSource: async () => {
    throw new RelaisError("unsupported", "This platform has no address to read from. The person can export what it holds there.");
  },
  openDestination: async (opening, head) => openDestination(opening, head),
};

function openDestination({ mailbox: lent }: Opening, head: Draft["manifest"]): Destination {
  if (lent === undefined)
    throw new RelaisError("unsupported", "This Relais keeps no mailbox. The operator must give it a folder.", { actor: "operator" });
  const delivery = lent(head);
  return {
    announce: delivery.announce,
    put: delivery.put,
    complete: async () => {
      const offered = await delivery.complete();
      return "receipt" in offered ? { kind: "signed", jws: offered.receipt } : { kind: "waiting", until: offered.until };
    },
    // Whatever ends the transfer ends what waits: the mailbox looks at the transfer, at each use and at each sweep.
    stop: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}
