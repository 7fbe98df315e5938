import type { Clock, TransferQueue } from "../ports.ts";

/** Between two looks because of what happened: what happens meanwhile is answered by one look. */
const GAP_MILLISECONDS = 20;

export interface Dispatcher extends TransferQueue, AsyncDisposable {
  /** Something is due, or there is room again: turns are given soon, once for all who say so meanwhile. */
  nudge(): void;
}

interface DispatcherTerms {
  clock: Clock;
  shutdown: AbortSignal;
  onError: (error: unknown) => void;
}

/**
 * What the use cases ring: nobody rings a worker past its turn. It keeps no caller waiting; a look that fails is made good by the sweep.
 * Disposing waits for the look that is under way.
 */
export function createDispatcher(look: () => Promise<unknown>, { clock, shutdown, onError }: DispatcherTerms): Dispatcher {
  let isWanted = false;
  let running: Promise<void> | null = null;
  const work = async (): Promise<void> => {
    while (isWanted && !shutdown.aborted) {
      isWanted = false;
      await look().catch(onError);
      await clock.sleep(GAP_MILLISECONDS, shutdown);
    }
    running = null;
  };
  const nudge = (): void => {
    isWanted = true;
    running ??= work();
  };
  return {
    nudge,
    ring: async () => nudge(),
    [Symbol.asyncDispose]: async () => {
      await running;
    },
  };
}
