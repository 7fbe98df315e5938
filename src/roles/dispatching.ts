import { dispatchDue } from "../core/dispatch/dispatch-due.ts";
import { createHealthRecorder } from "../core/dispatch/record-health.ts";
import { watchedNetwork } from "../core/dispatch/watched-network.ts";
import { asRelaisError } from "../core/errors.ts";
import { randomToken } from "../core/ids.ts";
import type { Network } from "../core/ports.ts";
import { every, type Base } from "./base.ts";

/** Between two looks at what is due, while something is. */
const LOOK_SECONDS = 0.25;
/** Where a look found nothing to ring for, the next but so many is the next one. */
const IDLE_LOOKS = 4;
/** How often a worker says that it is there. */
const SEEN_SECONDS = 5;

export function startDispatching(base: Base): void {
  let rest = 0;
  every(base, "dispatch", LOOK_SECONDS, async () => {
    rest -= 1;
    if (rest > 0 || !(await base.store.read((r) => r.dispatch.isBusy()))) return;
    const rung = await dispatchDue(...base.dispatching);
    rest = rung > 0 ? 0 : IDLE_LOOKS;
  });
}

/** This worker among all of them: how many transfers they carry bounds what is rung for. */
export function joinWorkers(base: Base): void {
  const id = randomToken();
  const { store, config } = base;
  base.owned.defer(() => store.write((w) => w.dispatch.gone(id)).catch(() => undefined));
  every(base, "telling of slots", SEEN_SECONDS, () =>
    store.write((w) => w.dispatch.seen({ id, slots: config.transfer.workerConcurrency })),
  );
}

/** The way out of this worker, watched: how participants fare is told to the dispatchers of all processes. */
export function watchParticipants({ store, clock, network, log, owned }: Base): Network {
  const recorder = createHealthRecorder(
    { store, clock },
    { onError: (error) => log.warn("what was seen of a participant is forgotten", { error: asRelaisError(error) }) },
  );
  owned.defer(() => recorder.settled());
  return watchedNetwork(network, { note: recorder.note, now: () => clock.now() });
}
