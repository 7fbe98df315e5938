import type { Language } from "../catalogue/data-set.ts";
import type { Form } from "../conversion/conversions.ts";
import { RelaisError } from "../errors.ts";
import type { ConsentId, PersonId } from "../ids.ts";
import type { Policy } from "../policy/policy.ts";
import type { Ports, Writer } from "../ports.ts";
import type { Consent } from "./consent.ts";
import { ownConsent } from "./decide-consent.ts";
import { differenceFrom, isNothing } from "./difference.ts";
import { isChangeable } from "./succession.ts";
import { askOrTakeUp } from "./take-up-request.ts";

/** A wish to change or renew a consent. Who sends, who receives and what for stay: another purpose or another end is another consent. */
export interface Amendment {
  consentId: ConsentId;
  personId: PersonId;
  /** Everything that is to be allowed then, not only what is new; at least one. */
  datasets: string[];
  recurrence: string | null;
  /** Full-date; at most 13 months ahead. */
  expires: string;
  retention: string | null;
  /** In which a copy is put beside each original then. Left out: as now, or, where a participant asks, as the person then chooses. */
  forms?: readonly Form[];
  language: Language;
  /** Entity identifier of the participant that wishes it, which is the one that asked at first; null where the person does. */
  requester: string | null;
}

/**
 * Makes a consent that waits for the person's answer, and will replace the present one with their yes. Until then, and after a no, the present
 * one stays as it is. A newer proposal of the same side replaces the one that still waits.
 * @throws RelaisError `conflict` (ended, or of a switch, or nothing would change), `forbidden` (asked for by somebody else), and what `requestConsent` throws.
 */
export function amendConsent(ports: Pick<Ports, "store" | "clock" | "policy">, amendment: Amendment): Promise<Consent> {
  return ports.store.write((w) => addAmendment(w, amendment, { policy: ports.policy, now: ports.clock.now() }));
}

/** The writing step, for use cases that write more in the same transaction. */
export async function addAmendment(w: Writer, amendment: Amendment, terms: { policy: Policy; now: Date }): Promise<Consent> {
  const present = await ownConsent(w, amendment.consentId, amendment.personId);
  mustBeChangeable(present, amendment);
  const askedBy = amendment.requester === null ? "person" : "requester";
  const open = (await w.consents.successors(present.id)).filter(
    ({ state, notice }) => state === "requested" && notice.before?.askedBy === askedBy,
  );
  const request = { ...amendment, ...unchanged(present), ...formsOf(present, amendment), amends: { consent: present, askedBy } } as const;
  const asked = await askOrTakeUp(w, request, terms);
  if (isNothing(differenceFrom(beforeIn(asked), asked.notice)))
    throw new RelaisError("conflict", "Nothing would change. Choose other data sets, another date or another rhythm.", { actor: "person" });
  for (const { id } of open)
    if (id !== asked.id) await w.permissions.move(id, ["requested"], "superseded", { endedAt: terms.now, endedBy: "relais" });
  return asked;
}

function mustBeChangeable(present: Consent, { requester }: Amendment): void {
  if (!isChangeable(present)) throw new RelaisError("conflict", "This permission has already ended.", { actor: "person" });
  if (present.action !== "copy" || present.switchId !== null)
    throw new RelaisError("conflict", "A permission of a switch is not changed here. Its own page leads on.", { actor: "person" });
  if (requester !== null && requester !== present.notice.requester?.entityId)
    throw new RelaisError("forbidden", "Only the participant that asked for a permission can ask for its change.");
}

function unchanged({ sourceLinkId, destinationLinkId, action, notice }: Consent) {
  return { sourceLinkId, destinationLinkId, action, purpose: notice.purpose.iri, requester: notice.requester?.entityId ?? null };
}

function formsOf({ forms: present }: Consent, { requester, forms }: Amendment): Pick<Amendment, "forms"> {
  return requester === null ? { forms: forms ?? present } : {};
}

function beforeIn({ notice }: Consent): NonNullable<Consent["notice"]["before"]> {
  if (notice.before === undefined) throw new Error("an amendment says what it replaces");
  return notice.before;
}
