import { RelaisError } from "../errors.ts";
import type { ConsentId, PersonId } from "../ids.ts";
import type { Ports, Reader } from "../ports.ts";
import type { Consent } from "./consent.ts";

/** For so many days a person is told on their own page that a permission ended without them. */
const TOLD_DAYS = 30;

/** Permissions that ended because a participant changed what they were given for, and whose person has not read so; the last one first. */
export function unreadEnds(r: Pick<Reader, "consents">, personId: PersonId, now: Date): Promise<Consent[]> {
  return r.consents.unreadEnds(personId, new Date(now.getTime() - TOLD_DAYS * 86_400_000));
}

/** Said twice, it is the same. It changes no right. @throws RelaisError `not_found` where nothing of the kind ended for this person. */
export async function readEnd(
  { store, clock }: Pick<Ports, "store" | "clock">,
  { personId, consentId }: { personId: PersonId; consentId: ConsentId },
): Promise<void> {
  if (await store.write((w) => w.permissions.readEnd(personId, consentId, clock.now()))) return;
  throw new RelaisError("not_found", "No permission of yours ended for this.", { actor: "person" });
}
