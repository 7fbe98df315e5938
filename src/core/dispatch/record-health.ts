import type { Ports } from "../ports.ts";
import { afterNote, type HealthNote } from "./health.ts";

/** What says nothing new is written down this often at most. */
const SELDOM_MILLISECONDS = 3_000;

export interface HealthRecorder {
  note: (note: HealthNote) => void;
  /** Resolves once everything noted so far is written down. */
  settled(): Promise<void>;
}

interface RecorderTerms {
  onError: (error: unknown) => void;
  chance?: () => number;
}

/**
 * Writes down what the workers of this process see of participants, for the dispatchers of all processes, one note after the other. A note that cannot be
 * written is told and forgotten: the next one comes soon.
 */
export function createHealthRecorder(
  ports: Pick<Ports, "store" | "clock">,
  { onError, chance = Math.random }: RecorderTerms,
): HealthRecorder {
  const told = new Map<string, number>();
  let writing = Promise.resolve();
  return {
    note: (note) => {
      const key = `${note.participantId} ${note.kind}`;
      const now = ports.clock.now().getTime();
      const isRoutine = note.kind === "answered" || note.kind === "success";
      const passed = now - (told.get(key) ?? 0);
      // A clock that was set back says nothing of how long it was.
      if (isRoutine && passed >= 0 && passed < SELDOM_MILLISECONDS) return;
      if (isRoutine) told.set(key, now);
      // After a failure the next success is news.
      else for (const kind of ["answered", "success"]) told.delete(`${note.participantId} ${kind}`);
      writing = writing.then(() => recordHealth(ports, note, chance())).catch(onError);
    },
    settled: () => writing,
  };
}

/** By the database's clock: breakers open and close for all processes at once. */
export async function recordHealth({ store }: Pick<Ports, "store">, note: HealthNote, chance: number): Promise<void> {
  await store.write(async ({ dispatch }) => {
    const { health, now } = await dispatch.health(note.participantId);
    await dispatch.putHealth(afterNote(health, note, { now, chance }));
  });
}
