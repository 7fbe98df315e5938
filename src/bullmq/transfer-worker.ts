import { isId } from "../core/ids.ts";
import type { Ring } from "../core/transfer/transfer-records.ts";
import { openWorker, type QueueBackend, type RingData } from "./backend.ts";

export interface WorkerTerms {
  /** Transfers that this process carries at once. */
  concurrency: number;
  /** Told of what the queue itself complains about; transfers report their own failures. */
  onError(error: Error): void;
}

/**
 * Answers the doorbell. `run` never throws for a failed transfer: what follows a failure is written in the store, and the sweep rings again.
 * BullMQ's own retries and stalls therefore decide nothing: they are set to seconds, and never end a transfer (D17).
 */
export function startTransferWorker(backend: QueueBackend, run: (ring: Ring) => Promise<unknown>, terms: WorkerTerms): AsyncDisposable {
  const { close } = openWorker(
    backend,
    async (job) => {
      const ring = ringOf(job.data);
      if (ring !== null) await run(ring);
    },
    {
      concurrency: terms.concurrency,
      lockDuration: 15_000,
      stalledInterval: 5_000,
      maxStalledCount: 1_000_000,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      onError: terms.onError,
    },
  );
  return { [Symbol.asyncDispose]: close };
}

/** What lies in a queue may have been put there by anyone: only the shape that we ring with is answered. */
function ringOf(data: RingData): Ring | null {
  return isId("transfer", data.transferId) && Number.isInteger(data.epoch) ? { transferId: data.transferId, epoch: data.epoch } : null;
}
