import type { Ports } from "../ports.ts";
import { expireWhereOver } from "./change-standing.ts";
import type { Charters } from "./charter.ts";
import { askForLook } from "./conclude-checks.ts";
import { AUTOMATIC } from "./record-decision.ts";
import { RENEWAL_DAYS, renewsItself } from "./requirements.ts";

type SweepingPorts = Pick<Ports, "store" | "clock"> & { charters: Charters };

const BATCH = 100;
const HOUR_MILLISECONDS = 3_600_000;

/**
 * What time alone changes: accreditations that ended, looks that are due again, criteria whose time is over, renewals that come near.
 * Deciding is left to the conclusions of the looks that it asks for. Returns how many accreditations ended.
 * @throws the first failure, once everything else was done: one that cannot be ended keeps nobody else waiting.
 */
export async function sweepAccreditations(ports: SweepingPorts, terms: { recheckHours: number }): Promise<number> {
  const now = ports.clock.now();
  const over = await ports.store.read(async (r) => [
    ...(await r.accreditations.endingBefore(now, BATCH)).map(({ participantId }) => participantId),
    ...(await r.accreditations.endedWithoutApplication(now, BATCH)),
  ]);
  const failures: unknown[] = [];
  let ended = 0;
  for (const participantId of over) {
    const change = { participantId, deciders: [AUTOMATIC], reasons: ENDED };
    const decision = await ports.store.write((w) => expireWhereOver(w, ports, change)).catch((error: unknown) => void failures.push(error));
    if (decision) ended += 1;
  }
  await askAgain(ports, terms.recheckHours);
  if (failures.length > 0) throw failures[0];
  return ended;
}

const ENDED = {
  fr: "La durée de l’agrément est écoulée et il n’a pas été renouvelé.",
  en: "The time of the accreditation is over, and it was not renewed.",
};

async function askAgain(ports: SweepingPorts, recheckHours: number): Promise<void> {
  const at = ports.clock.now();
  const before = (hours: number): Date => new Date(at.getTime() - hours * HOUR_MILLISECONDS);
  const due = await ports.store.read(async (r) => {
    const byTime = await r.accreditations.dueForProbes(before(recheckHours), BATCH);
    const near = await r.accreditations.endingBefore(before(-24 * RENEWAL_DAYS), BATCH);
    // One whose version of the charter is gone renews nothing, and keeps nobody else from being looked at.
    const charters = new Map(ports.charters.list().map((charter) => [charter.version, charter]));
    const soon = near.filter((given) => {
      const charter = charters.get(given.charterVersion);
      return charter !== undefined && renewsItself(given, charter, at);
    });
    const late = await Promise.all((await r.accreditations.pastDue(at, BATCH)).map((id) => r.accreditations.getApplication(id)));
    const recent = await Promise.all(
      [...late, ...soon].map(async ({ participantId }) => ({ participantId, run: await r.accreditations.findRun(participantId) })),
    );
    // One hour between two looks at the same participant, whatever asks for them.
    const again = recent
      .filter(({ run }) => run === null || (run.endedAt !== null && run.endedAt < before(1)))
      .map(({ participantId }) => participantId);
    return [...new Set([...byTime, ...again])];
  });
  for (const participantId of due)
    await ports.store.write(async (w) =>
      askForLook(w, { participantId, application: await w.accreditations.findGiven(participantId), at }),
    );
}
