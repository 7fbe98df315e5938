import { checkStanding } from "../consent/check-consent.ts";
import { ownConsent } from "../consent/decide-consent.ts";
import type { Consent } from "../consent/consent.ts";
import { RelaisError } from "../errors.ts";
import type { Policy } from "../policy/policy.ts";
import { newId, type ConsentId, type PersonId } from "../ids.ts";
import type { Ports, Writer } from "../ports.ts";
import { sha256 } from "./manifest.ts";
import type { Transfer } from "./transfer.ts";

export interface TransferRequest {
  consentId: ConsentId;
  personId: PersonId;
  /** A participant asks, with the person's permission; nobody waits in front of a screen. */
  isByParticipant?: boolean;
  /** Who asks, for idempotency keys: an entity identifier or a person. */
  caller?: string;
  idempotencyKey?: string;
  /** Everything is brought again, also what earlier deliveries proved. */
  isFull?: boolean;
}

/**
 * Accepts a transfer: once this returns, it is durable, and the sweep will run it even if the queue loses the ring.
 * The same idempotency key gives the same transfer again.
 * @throws RelaisError `consent_ended`, `not_accredited`, `condition_unmet`, `conflict` (one is under way, or the single delivery was made), `rate_limited`
 * (a participant asks again too soon), `idempotency_mismatch`.
 */
export async function requestTransfer(
  ports: Pick<Ports, "store" | "queue" | "clock" | "policy">,
  request: TransferRequest,
): Promise<Transfer> {
  const transfer = await ports.store.write((w) => accept(w, request, { policy: ports.policy, now: ports.clock.now() }));
  // The doorbell may be out of order: the sweep rings again from the table.
  await ports.queue.ring([{ transferId: transfer.id, epoch: transfer.epoch }]).catch(() => undefined);
  return transfer;
}

/** The accepting step, for use cases that accept more in the same transaction. */
export async function accept(w: Writer, request: TransferRequest, terms: { policy: Policy; now: Date }): Promise<Transfer> {
  const { policy, now } = terms;
  await w.deliveries.acceptAlone(request.consentId);
  const consent = await ownConsent(w, request.consentId, request.personId);
  const transfer = transferOf(consent, now);
  const known = await alreadyAccepted(w, request, transfer);
  if (known) return known;
  await checkStanding(w, consent, terms);
  if (consent.action === "erase") throw new RelaisError("conflict", "This permission does not allow a copy.", { actor: "person" });
  await refuseSecondDelivery(w, consent);
  await w.deliveries.add(transfer, await urgencyOf(w, request, { consent, now }));
  if (request.isFull) await w.increments.forget(consent.id);
  await w.deliveries.addEvent(transfer.id, now, {
    kind: "requested",
    actor: consent.requesterId === null ? "person" : "platform",
    details: { datasets: transfer.datasets.length, policy: policy.fingerprint, ...(request.isFull ? { full: true } : {}) },
  });
  return transfer;
}

async function alreadyAccepted(w: Writer, request: TransferRequest, transfer: Transfer): Promise<Transfer | null> {
  if (request.idempotencyKey === undefined) return null;
  const known = await w.deliveries.claimKey({
    caller: request.caller ?? request.personId,
    key: request.idempotencyKey,
    fingerprint: sha256(`transfer ${request.consentId}${request.isFull ? " full" : ""}`),
    transferId: transfer.id,
  });
  return known === null ? null : w.transfers.get(known);
}

async function refuseSecondDelivery(w: Writer, consent: Consent): Promise<void> {
  const live = await w.deliveries.live({ consentId: consent.id });
  if (live.length > 0)
    throw new RelaisError("conflict", "A transfer under this permission is under way. Wait until it has ended.", { actor: "person" });
  if (consent.notice.recurrence !== null) return;
  const delivered = (await w.transfers.list(consent.personId)).some(
    (transfer) => transfer.consentId === consent.id && transfer.state === "verified",
  );
  if (delivered)
    throw new RelaisError("conflict", "This permission was for a single delivery, and it was made. Give a new one for another copy.", {
      actor: "person",
    });
}

/** `transfers.priority`: the lower the earlier. */
const FOR_SOMEBODY = 0;
const BY_ITSELF = 10;

/**
 * A participant that asks again under a recurrence has the place of what comes by itself, and no more than a campaign would get: asking in a loop
 * takes nothing from anybody.
 */
async function urgencyOf(
  w: Writer,
  { isByParticipant = false }: TransferRequest,
  { consent, now }: { consent: Consent; now: Date },
): Promise<number> {
  if (!isByParticipant || consent.notice.recurrence === null) return FOR_SOMEBODY;
  const last = await w.deliveries.lastArrival(consent.id);
  if (last === null) return FOR_SOMEBODY;
  const { againAt } = last;
  if (againAt === null || againAt <= now) return BY_ITSELF;
  throw new RelaisError(
    "rate_limited",
    "A delivery under this permission arrived less than half a period ago. Ask again when half of it is over.",
    {
      actor: "platform",
      retryAfter: (againAt.getTime() - now.getTime()) / 1000,
    },
  );
}

function transferOf(consent: Consent, now: Date): Transfer {
  return {
    id: newId("transfer"),
    consentId: consent.id,
    personId: consent.personId,
    sourceId: consent.sourceId,
    destinationId: consent.destinationId,
    switchId: consent.switchId,
    datasets: consent.datasets,
    state: "queued",
    reason: null,
    actor: null,
    epoch: 0,
    attempts: 0,
    leaseUntil: null,
    dueAt: now,
    // The patience with ends that do not answer begins with the first attempt (core/transfer/patience.ts).
    expiresAt: consent.expiresAt,
    createdAt: now,
    endedAt: null,
  };
}
