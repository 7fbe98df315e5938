import { asRelaisError, RelaisError } from "../errors.ts";
import type { ParticipantId } from "../ids.ts";
import type { EntityConfigurations, Ports } from "../ports.ts";
import { acceptConfiguration } from "./accept-configuration.ts";
import type { EntityOutcome, EntityRecord } from "./entity-record.ts";
import type { Participant } from "./participant.ts";

type RefreshingPorts = Pick<Ports, "store" | "clock"> & { entityConfigurations: EntityConfigurations };

const AT_ONCE = 8;
/** Longer than one reading can take. */
const CLAIM_MILLISECONDS = 120_000;
const FIRST_RETRY_MILLISECONDS = 5 * 60_000;
const LAST_RETRY_MILLISECONDS = 24 * 3_600_000;

/**
 * Reads again what participants say of themselves, those that are due, each by one process. What cannot be accepted changes nothing but the
 * record of how it went: the last good configuration and its keys stay in force. Returns how many were read.
 */
export async function refreshParticipants(ports: RefreshingPorts, shutdown: AbortSignal): Promise<number> {
  let read = 0;
  while (!shutdown.aborted) {
    const now = ports.clock.now();
    const until = new Date(now.getTime() + CLAIM_MILLISECONDS);
    const due = await ports.store.write((w) => w.configurations.claimDue({ now, until, limit: AT_ONCE }));
    await Promise.all(due.map((id) => refreshOne(ports, id)));
    read += due.length;
    if (due.length < AT_ONCE) break;
  }
  return read;
}

async function refreshOne(ports: RefreshingPorts, id: ParticipantId): Promise<void> {
  const { entityId } = await ports.store.read((r) => r.participants.get(id));
  try {
    const configuration = await ports.entityConfigurations.fetch(entityId);
    await ports.store.write((w) => acceptConfiguration(w, configuration));
  } catch (error) {
    await recordFailure(ports, id, asRelaisError(error));
  }
}

async function recordFailure({ store, clock }: RefreshingPorts, id: ParticipantId, error: RelaisError): Promise<void> {
  const outcome = outcomeOf(error);
  const now = clock.now();
  await store.write(async (w) => {
    const last = await w.entities.find(id);
    const failures = (last?.failures ?? 0) + 1;
    const wait = Math.min(FIRST_RETRY_MILLISECONDS * 2 ** (failures - 1), LAST_RETRY_MILLISECONDS);
    const kept: Pick<EntityRecord, "jwt" | "expiresAt"> = { jwt: last?.jwt ?? null, expiresAt: last?.expiresAt ?? null };
    const nextAt = new Date(now.getTime() + wait);
    await w.configurations.put({ participantId: id, ...kept, checkedAt: now, nextAt, failures, outcome, says: error.message });
  });
}

/** @throws the error, where the failure is ours and says nothing of the participant. */
function outcomeOf(error: RelaisError): EntityOutcome {
  if (error.details["keys"] === "unconfirmed") return "keys_unconfirmed";
  if (error.code === "peer_unavailable") return "unreachable";
  if (error.code === "peer_protocol" || error.code === "forbidden" || error.code === "invalid") return "refused";
  throw error;
}

/**
 * An accreditor confirms, key by key, what an entity signs with now: after it was asked by another channel. The keys that are published must
 * be these and no others.
 * @throws RelaisError `conflict` where they are others, `peer_unavailable`, `peer_protocol`.
 */
export async function confirmKeys(
  ports: RefreshingPorts,
  { participantId, kids }: { participantId: ParticipantId; kids: string[] },
): Promise<Participant> {
  const { entityId } = await ports.store.read((r) => r.participants.get(participantId));
  const configuration = await ports.entityConfigurations.fetch(entityId);
  const published = configuration.keys.map(({ kid }) => String(kid));
  if (published.length !== kids.length || !published.every((kid) => kids.includes(kid)))
    throw new RelaisError("conflict", "The entity publishes other keys than those that you confirm. Look at them again.", {
      actor: "operator",
    });
  return ports.store.write((w) => acceptConfiguration(w, configuration, { confirmed: true }));
}
