import type { Clock, TransferQueue } from "../ports.ts";

/** Between two looks because of what happened: what happens meanwhile is answered by one look. */
const GAP_MILLISECONDS = 20;
/** So many times as long as the look took: where everything is slow, looking takes a quarter of a process and its connection at most. */
const GAP_LOOKS = 3;
const LONGEST_GAP_MILLISECONDS = 250;

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
      const begunAt = clock.now().getTime();
      await look().catch(onError);
      const took = clock.now().getTime() - begunAt;
      await clock.sleep(gapAfter(took), shutdown);
    }
    running = null;
  };
  const nudge = (): void => {
    isWanted = true;
    running ??= Promise.resolve().then(work);
  };
  return {
    nudge,
    ring: async () => nudge(),
    [Symbol.asyncDispose]: async () => {
      await running;
    },
  };
}

function gapAfter(milliseconds: number): number {
  return Math.min(LONGEST_GAP_MILLISECONDS, Math.max(GAP_MILLISECONDS, GAP_LOOKS * milliseconds));
}
