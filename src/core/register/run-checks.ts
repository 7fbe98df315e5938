import type { Prober } from "../conformance/probing.ts";
import type { Ports } from "../ports.ts";
import { digestOf } from "./participant-change.ts";

/** Longer than a whole look may take: a worker that died gives its place back. */
const LEASE_SECONDS = 300;
const DEADLINE_SECONDS = 240;

/**
 * Takes the longest waiting look, runs it and writes down what was seen. What follows from it is for `concludeChecks` to say. Returns false
 * where nothing waits.
 */
export async function runChecks(ports: Pick<Ports, "store" | "clock"> & { prober: Prober }, shutdown: AbortSignal): Promise<boolean> {
  const run = await ports.store.write((w) => w.cases.claimRun(LEASE_SECONDS));
  if (run === null) return false;
  const { known, candidate, challenge } = await ports.store.read(async (r) => ({
    known: await r.participants.get(run.participantId),
    candidate: (await r.entities.find(run.participantId))?.candidate ?? null,
    challenge: await r.accreditations.findChallenge(run.participantId),
  }));
  // Where it wants to be spoken to is what has to be seen before anything goes there.
  const participant = { ...known, ...candidate };
  const signal = AbortSignal.any([shutdown, AbortSignal.timeout(DEADLINE_SECONDS * 1000)]);
  const results = await ports.prober.probe({ participant, runId: run.id, challenge, signal });
  // What a shutdown cut off says nothing about the participant: another worker looks again once the lease is over.
  if (!shutdown.aborted) await ports.store.write((w) => w.cases.endRun(run.id, ports.clock.now(), results, digestOf(participant)));
  return true;
}
