import type { TransferQueue } from "../core/ports.ts";
import { openQueue, type QueueBackend } from "./backend.ts";

/**
 * The doorbell on BullMQ. A job's id is the transfer and its epoch: ringing twice for the same attempt leaves one job,
 * and a job of a past epoch finds nothing to do.
 */
export function createTransferQueue(backend: QueueBackend): TransferQueue & AsyncDisposable {
  const { queue, close } = openQueue(backend);
  return {
    ring: async (rings) => {
      await queue.addBulk(rings.map((ring) => ({ name: "transfer", data: ring, opts: { jobId: `${ring.transferId}-${ring.epoch}` } })));
    },
    [Symbol.asyncDispose]: close,
  };
}
