import type { Language } from "../catalogue/data-set.ts";
import type { ConsentId, PersonId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import type { Consent } from "./consent.ts";

/** After how many days without a visit a person is reminded of what they allow, and again after as many. */
const REMINDER_DAYS = 90;

/** An active permission that its person has not looked after for long. */
export interface Unattended {
  consent: Consent;
  lastTransferAt: Date | null;
}

/** What a reminder says: who, why, the last transfer, the end; and two ways on that weigh the same. */
export interface ConsentReminder {
  consentId: ConsentId;
  personId: PersonId;
  language: Language;
  /** Who asked for it, or who receives where nobody did. */
  who: string;
  source: string;
  destination: string;
  why: string;
  lastTransferAt: Date | null;
  /** Full-date. */
  expires: string;
  /** Paths without the language. */
  review: string;
  stop: string;
}

export function longAgo(now: Date): Date {
  return new Date(now.getTime() - REMINDER_DAYS * 86_400_000);
}

/** Reminders that are due, the oldest first. Nobody is reminded who came meanwhile, or was reminded within the same time. */
export async function dueReminders({ store, clock }: Pick<Ports, "store" | "clock">, limit: number): Promise<ConsentReminder[]> {
  const unattended = await store.read((r) => r.consents.unattended({ since: longAgo(clock.now()), now: clock.now(), limit }));
  return unattended.map(reminderOf);
}

function reminderOf({ consent, lastTransferAt }: Unattended): ConsentReminder {
  const { id, personId, language, notice } = consent;
  return {
    consentId: id,
    personId,
    language,
    who: notice.requester?.name ?? notice.destination.name,
    source: notice.source.name,
    destination: notice.destination.name,
    why: notice.purpose.words[language],
    lastTransferAt,
    expires: notice.expires,
    review: `/permissions/${id}`,
    stop: `/permissions/${id}/stop`,
  };
}

/** For whoever tells people, in the transaction that hands the reminder over. */
export async function noteReminders(w: Writer, ids: readonly ConsentId[], now: Date): Promise<void> {
  for (const id of ids) await w.permissions.noteReminder(id, now);
}
