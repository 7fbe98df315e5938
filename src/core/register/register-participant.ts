import { voidConsents } from "../consent/void-consents.ts";
import { newId } from "../ids.ts";
import type { EntityConfigurations, Ports } from "../ports.ts";
import { acceptConfiguration } from "./accept-configuration.ts";
import type { Participant } from "./participant.ts";
import type { Described } from "./participant-metadata.ts";

/**
 * An entity that publishes its configuration, or, for platforms that speak a standard of their own, a description by the operator.
 * `confirmed`: its keys are known by another channel, whatever the register knew before.
 */
export type Entry = { entityId: string; confirmed?: boolean } | { description: Described };

type RegisteringPorts = Pick<Ports, "store" | "clock"> & { entityConfigurations: EntityConfigurations };

/**
 * Puts a participant in the register, or renews what it says of itself. Its id and status stay as they were; a new one is `registered`.
 * @throws RelaisError `peer_unavailable`, `peer_protocol`, `conflict` where it is known and signs with keys that nobody confirmed.
 */
export async function registerParticipant(ports: RegisteringPorts, entry: Entry): Promise<Participant> {
  if ("description" in entry) return describeParticipant(ports, entry.description);
  const configuration = await ports.entityConfigurations.fetch(entry.entityId);
  return ports.store.write((w) => acceptConfiguration(w, configuration, entry));
}

/** As for one that speaks for itself: permissions that were given for less than the operator now says of it end. */
function describeParticipant({ store, clock }: Pick<Ports, "store" | "clock">, described: Described): Promise<Participant> {
  return store.write(async (w) => {
    const known = await w.register.lockEntity(described.entityId);
    const participant: Participant = { ...described, id: known?.id ?? newId("participant"), status: known?.status ?? "registered" };
    await w.register.put(participant);
    if (known !== null) await voidConsents(w, known, participant, clock.now());
    return participant;
  });
}
