import type { Store } from "../ports.ts";
import { daysOf, RETAINED_KINDS, type KeepingTerms, type RetainedKind } from "./retention.ts";

/** Bounds a step's locks and its share of the log of the database. */
const STEP_ROWS = 2_000;
/** Bounds a round of one kind, so that each has its turn; the next round goes on where this one ended. */
const MOST_STEPS = 500;

export interface RetentionPorts {
  store: Pick<Store, "write">;
  /** How many of a kind are gone, and whether more should be. Called where there is something to say. */
  onRemoved(told: { kind: RetainedKind; removed: number; left: number }): void;
  /** A kind that fails keeps no other one back. */
  onFailure(kind: RetainedKind, error: unknown): void;
}

/**
 * Removes what is past its time, kind by kind, in steps that are transactions of their own: whatever was removed when a process dies stays removed, and
 * any number of processes may do it beside each other. Returns how many records are gone.
 */
export async function removeOverdue(ports: RetentionPorts, terms: KeepingTerms, shutdown?: AbortSignal, limits = LIMITS): Promise<number> {
  let removed = 0;
  for (const kind of RETAINED_KINDS)
    removed += await removeKind(ports, kind, { days: daysOf(kind, terms), ...limits, shutdown }).catch((error: unknown) => {
      ports.onFailure(kind, error);
      return 0;
    });
  return removed;
}

const LIMITS = { rows: STEP_ROWS, steps: MOST_STEPS };

interface Round {
  days: number;
  rows: number;
  steps: number;
  shutdown: AbortSignal | undefined;
}

async function removeKind(
  { store, onRemoved }: RetentionPorts,
  kind: RetainedKind,
  { days, rows, steps, shutdown }: Round,
): Promise<number> {
  let removed = 0;
  for (let step = 0; step < steps && shutdown?.aborted !== true; step++) {
    const taken = await store.write((w) => w.retention.step(kind, { days, limit: rows }));
    removed += taken?.removed ?? 0;
    if (taken !== null && !taken.isOver) continue;
    if (removed > 0) onRemoved({ kind, removed, left: 0 });
    return removed;
  }
  onRemoved({ kind, removed, left: await store.write((w) => w.retention.countLeft(kind, days)) });
  return removed;
}
