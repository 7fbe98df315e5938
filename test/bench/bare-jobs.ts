import { prepareBackend, type QueueBackend } from "../../src/bullmq/backend.ts";
import { createTransferQueue } from "../../src/bullmq/transfer-queue.ts";
import { startTransferWorker } from "../../src/bullmq/transfer-worker.ts";
import { newId } from "../../src/core/ids.ts";
import { sized, timed } from "./measure.ts";

const JOBS = sized(10_000, 2000);
const AT_ONCE = 500;
const WIDTH = 8;

/** Jobs a second through the queue alone, which do nothing. */
export async function bareJobs(backend: QueueBackend): Promise<number> {
  await prepareBackend(backend);
  return JOBS / (await timed(() => throughTheQueueAlone(backend)));
}

async function throughTheQueueAlone(backend: QueueBackend): Promise<void> {
  await using queue = createTransferQueue(backend);
  let done = 0;
  const finished = Promise.withResolvers<void>();
  await using _worker = startTransferWorker(
    backend,
    async () => {
      done += 1;
      if (done === JOBS) finished.resolve();
    },
    { concurrency: WIDTH, onError: finished.reject },
  );
  for (let rung = 0; rung < JOBS; rung += AT_ONCE)
    await queue.ring(Array.from({ length: AT_ONCE }, () => ({ transferId: newId("transfer"), epoch: 0 })));
  await finished.promise;
}
