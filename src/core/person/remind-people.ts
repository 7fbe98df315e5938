import type { Ports } from "../ports.ts";

/** Nobody has to remember what they allowed: after so many days without signing in they are told, and again after as many. */
export const REMINDER_DAYS = 90;
const BATCH = 500;

/** Who came last before this moment has stayed away for long. */
export function longAgo(now: Date): Date {
  return new Date(now.getTime() - REMINDER_DAYS * 86_400_000);
}

/**
 * Writes down who is to be reminded of their permissions: whoever allows something, has an address and wants reminders, and has neither signed in
 * nor been reminded for 90 days (CDR Data Standards 4CM4.00.04). Each once, over any number of processes. Returns how many.
 */
export async function remindPeople({ store, clock }: Pick<Ports, "store" | "clock">): Promise<number> {
  for (let told = 0; ;) {
    const step = await store.write((w) => w.mailing.remind({ now: clock.now(), days: REMINDER_DAYS, limit: BATCH }));
    told += step;
    if (step < BATCH) return told;
  }
}
