import { newId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import { GIVEN, type Application } from "./application.ts";
import type { Charters } from "./charter.ts";
import { prepareRenewal } from "./open-application.ts";
import { REMINDERS, type Occasion, type Reminder } from "./reminder.ts";
import { renewsItself } from "./requirements.ts";

type RemindingPorts = Pick<Ports, "store" | "clock"> & { charters: Charters };

const BATCH = 100;

/**
 * Reminds of what comes near or waits, each occasion once, over any number of processes and restarts: the reminder, the event for the participant
 * and the application that prepares a renewal are one transaction. Returns how many it wrote.
 */
export async function remind(ports: RemindingPorts, terms: { reviewDays: number }): Promise<number> {
  let written = 0;
  for (;;) {
    const now = ports.clock.now();
    const due = await ports.store.read((r) => r.reminders.occasions({ now, ...terms, limit: BATCH }));
    const before = written;
    const failures: unknown[] = [];
    for (const occasion of due) {
      const isNew = await ports.store.write((w) => remindOf(w, ports, occasion)).catch((error: unknown) => void failures.push(error));
      if (isNew === true) written += 1;
    }
    if (failures.length > 0) throw failures[0];
    if (due.length < BATCH || written === before) return written;
  }
}

async function remindOf(w: Writer, ports: RemindingPorts, occasion: Occasion): Promise<boolean> {
  const at = ports.clock.now();
  await w.register.lock(occasion.participantId);
  const application = await w.cases.lockApplication(occasion.applicationId);
  if (!stillHolds(application, occasion)) return false;
  const reminder: Reminder = { ...occasion, id: newId("reminder"), createdAt: at };
  if (!(await w.reminding.add(reminder))) return false;
  const { event } = REMINDERS[occasion.kind];
  if (event === null) return true;
  const more = event === "accreditation-ending" ? await renewalOf(w, ports, application) : {};
  await w.notices.tell({ type: event, about: occasion.participantId, at, details: { ...detailsOf(reminder), ...more } }, [
    occasion.participantId,
  ]);
  return true;
}

/** Something may have been decided since the occasion was seen. */
function stillHolds({ state, until, changedAt }: Application, { kind, occasionAt }: Occasion): boolean {
  const isGiven = (GIVEN as readonly string[]).includes(state);
  if (kind === "criterion_due") return isGiven;
  if (REMINDERS[kind].event === "accreditation-ending") return isGiven && until?.getTime() === occasionAt.getTime();
  return state === (kind === "changes_waiting" ? "changes_requested" : "in_review") && changedAt.getTime() === occasionAt.getTime();
}

function detailsOf({ id, applicationId, kind, subject, occasionAt }: Reminder): Record<string, unknown> {
  return {
    reminder: id,
    kind,
    application: applicationId,
    occasion_at: occasionAt.toISOString(),
    ...(subject === "" ? {} : { criterion: subject }),
  };
}

/** Level 1 renews itself while its version of the charter takes new applications; everything else is prepared, so that nothing is asked twice. */
async function renewalOf(w: Writer, ports: RemindingPorts, given: Application): Promise<Record<string, unknown>> {
  if (renewsItself(given, ports.charters.get(given.charterVersion), ports.clock.now())) return { renewal: "automatic" };
  const renewal = await prepareRenewal(w, ports, given);
  return renewal === null ? { renewal: "none" } : { renewal: "application", renewal_application: renewal.id };
}
