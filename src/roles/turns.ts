import { createTransferQueue } from "../bullmq/transfer-queue.ts";
import type { QueueBackend } from "../bullmq/backend.ts";
import { dispatchDue, DISPATCH_TERMS, type DispatchTerms } from "../core/dispatch/dispatch-due.ts";
import { createDispatcher, type Dispatcher } from "../core/dispatch/dispatcher.ts";
import type { Config } from "../config.ts";
import { asRelaisError } from "../core/errors.ts";
import type { Clock, Ports } from "../core/ports.ts";
import type { Logger } from "../telemetry/log.ts";

interface Dispatching {
  /** What the use cases ring. */
  queue: Dispatcher;
  dispatching: Parameters<typeof dispatchDue>;
}

/** Every process gives turns when something happens in it; the sweepers look also when nothing does. */
export function openDispatch(
  { config, store, clock, log, backend }: { config: Config; store: Ports["store"]; clock: Clock; log: Logger; backend: QueueBackend },
  shutdown: AbortSignal,
  owned: AsyncDisposableStack,
): Dispatching {
  const terms: DispatchTerms = { ...DISPATCH_TERMS, window: config.transfer.dispatchWindow };
  const doorbell = owned.use(createTransferQueue(backend));
  const onError = (error: unknown): void => log.warn("turns were not given", { error: asRelaisError(error) });
  const dispatching: Dispatching["dispatching"] = [{ store, queue: doorbell }, terms];
  return { queue: owned.use(createDispatcher(() => dispatchDue(...dispatching), { clock, shutdown, onError })), dispatching };
}
