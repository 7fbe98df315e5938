import { asRelaisError, type ErrorCode, type RelaisError } from "../errors.ts";
import type { ParticipantId } from "../ids.ts";
import type { EntityConfigurations, Ports } from "../ports.ts";
import { acceptConfiguration } from "./accept-configuration.ts";
import type { EntityOutcome } from "./entity-record.ts";
import type { PublicJwk } from "./participant.ts";

export type RefreshingPorts = Pick<Ports, "store" | "clock"> & { entityConfigurations: EntityConfigurations };

const AT_ONCE = 8;
/** Longer than one reading can take. */
const CLAIM_MILLISECONDS = 120_000;
const FIRST_RETRY_MILLISECONDS = 5 * 60_000;
const LAST_RETRY_MILLISECONDS = 24 * 3_600_000;

/**
 * Reads again what participants say of themselves, those that are due, each by one process. What cannot be accepted changes nothing but the
 * record of how it went: the last good configuration and its keys stay in force. Returns how many were read.
 * @throws the first failure that was ours, once everybody was read.
 */
export async function refreshParticipants(ports: RefreshingPorts, shutdown: AbortSignal): Promise<number> {
  const failures: unknown[] = [];
  let read = 0;
  while (!shutdown.aborted) {
    const now = ports.clock.now();
    const until = new Date(now.getTime() + CLAIM_MILLISECONDS);
    const due = await ports.store.write((w) => w.configurations.claimDue({ now, until, limit: AT_ONCE }));
    const results = await Promise.allSettled(due.map((id) => refreshOne(ports, id)));
    failures.push(...results.filter((result) => result.status === "rejected").map((result): unknown => result.reason));
    read += due.length;
    if (due.length < AT_ONCE) break;
  }
  if (failures.length > 0) throw failures[0];
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
    // Somebody may have accepted a good one meanwhile: what is kept is what is there now.
    await w.register.lock(id);
    const last = (await w.entities.find(id)) ?? NOTHING_KNOWN;
    const failures = last.failures + 1;
    const wait = Math.min(FIRST_RETRY_MILLISECONDS * 2 ** (failures - 1), LAST_RETRY_MILLISECONDS);
    const strangeKeys = outcome === "keys_unconfirmed" ? (error.details["published"] as PublicJwk[]) : null;
    const nextAt = new Date(now.getTime() + wait);
    await w.configurations.put({
      ...last,
      participantId: id,
      checkedAt: now,
      nextAt,
      failures,
      outcome,
      says: error.message,
      strangeKeys,
    });
  });
}

const NOTHING_KNOWN = { jwt: null, issuedAt: null, expiresAt: null, failures: 0, candidate: null } as const;

/** @throws the error, where the failure is ours and says nothing of the participant. */
function outcomeOf(error: RelaisError): EntityOutcome {
  if (error.details["keys"] === "unconfirmed") return "keys_unconfirmed";
  if (error.code === "peer_unavailable") return "unreachable";
  if (REFUSALS.includes(error.code)) return "refused";
  throw error;
}

const REFUSALS: readonly ErrorCode[] = ["peer_protocol", "forbidden", "invalid", "conflict", "too_large"];
