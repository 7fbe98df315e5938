import type { ConsentEventType, NewConsentNotice } from "../events/outbox.ts";
import type { ParticipantId, PersonId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import type { Consent, ConsentState } from "./consent.ts";
import { needsReceipt, type ConsentChange } from "./record-change.ts";

export type TellingPorts = Pick<Ports, "store" | "clock"> & {
  /** A participant's own name of the person, by its entity identifier: two of them cannot compare theirs (OpenID Connect Core §8.1). */
  subjectFor: (entityId: string, personId: PersonId) => string;
};

const BATCH = 500;

/** Stopped: somebody said so. Ended: its time is over, or it never began. */
const EVENTS = {
  requested: null,
  active: "consent-granted",
  suspended: "consent-stopped",
  withdrawn: "consent-stopped",
  revoked: "consent-stopped",
  superseded: "consent-changed",
  refused: "consent-ended",
  expired: "consent-ended",
} as const satisfies Record<ConsentState, ConsentEventType | null>;

/**
 * Writes down what participants are told of the changes of consents, in the order of the changes: source, destination, and who asked. Each change is
 * told once, whichever process does it. Returns how many changes it did.
 */
export async function tellChanges(ports: TellingPorts, shutdown: AbortSignal): Promise<number> {
  for (let done = 0; ;) {
    const step = shutdown.aborted ? 0 : await ports.store.write((w) => tellSome(w, ports));
    done += step;
    if (step === 0) return done;
  }
}

async function tellSome(w: Writer, { clock, subjectFor }: TellingPorts): Promise<number> {
  const due = await w.sealing.nextToTell(BATCH);
  if (due.length === 0) return 0;
  const isBulk = due.length > 1;
  const notices = due.flatMap(({ change, consent }) =>
    noticesOf(change, consent).map((notice) => ({ ...notice, isBulk: isBulk && change.by !== "person" })),
  );
  const entityIds = await w.participants.entityIds([...new Set(notices.map(({ recipientId }) => recipientId))]);
  await w.notices.tellOfConsents(
    notices.map(({ personId, ...notice }) => ({ ...notice, subject: subjectFor(entityIds.get(notice.recipientId) ?? "", personId) })),
  );
  await w.sealing.told(
    due.map(({ change }) => change.id),
    clock.now(),
  );
  return due.length;
}

type Unnamed = Omit<NewConsentNotice, "subject" | "isBulk"> & { personId: PersonId };

function noticesOf(change: ConsentChange, consent: Consent): Unnamed[] {
  const type = change.state === "active" && change.earlier !== "requested" ? "consent-changed" : EVENTS[change.state];
  // A yes that waits for another holder of the contract lets nothing go yet: there is nothing to tell.
  if (type === null || (change.earlier === "requested" && change.state === "suspended")) return [];
  const { id: consentId, personId } = consent;
  const details = { consent: consentId, state: change.state, at: change.at.toISOString() };
  return recipientsOf(change, consent).map((recipientId) => ({ type, recipientId, consentId, personId, at: change.at, details }));
}

/** Nobody learns from us that a person was asked, but who asked. */
function recipientsOf(change: ConsentChange, { sourceId, destinationId, requesterId }: Consent): ParticipantId[] {
  const wasGiven = needsReceipt(change) && change.state !== "refused";
  return [...new Set([...(wasGiven ? [sourceId, destinationId] : []), ...(requesterId === null ? [] : [requesterId])])];
}
