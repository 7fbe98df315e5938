import { RelaisError } from "../errors.ts";
import type { ParticipantId } from "../ids.ts";
import type { EntityConfiguration, Reader, Writer } from "../ports.ts";
import { acceptConfiguration } from "./accept-configuration.ts";
import type { KeyConfirmation } from "./entity-record.ts";
import { lockMisnamed } from "./follow-organisation.ts";
import { participantFrom } from "./participant-metadata.ts";
import { speaksForItself, type Participant, type PublicJwk } from "./participant.ts";
import { publicKeys, thumbprintOf } from "./public-keys.ts";
import type { RefreshingPorts } from "./refresh-participants.ts";
import { accreditorName, mustBeImpartial, type RegisterCaller } from "./register-caller.ts";
import { countedWords, type OfficePorts } from "./two-accreditors.ts";

/**
 * An accreditor confirms what an entity signs with now, and where it wants to be spoken to: after it was asked by another channel. The keys that are
 * published must be these and no others, named by their thumbprints (RFC 7638), and only a place that waits, and was shown, is confirmed with them.
 * Who holds the keys of a participant is that participant: as every right, this takes two accreditors, and the second one's word puts it in force, while the first is an accreditor still.
 * @throws RelaisError `forbidden`, `conflict` where others are published, `peer_unavailable`, `peer_protocol`.
 */
export async function confirmKeys(
  ports: RefreshingPorts & OfficePorts,
  caller: RegisterCaller,
  { participantId, thumbprints }: { participantId: ParticipantId; thumbprints: string[] },
): Promise<{ participant: Participant; isConfirmed: boolean }> {
  const confirmer = accreditorName(caller);
  const { entityId } = await ports.store.read((r) => r.participants.get(participantId));
  const configuration = await ports.entityConfigurations.fetch(entityId);
  refuseOthers(configuration, thumbprints);
  return ports.store.write(async (w) => {
    await lockMisnamed(w, participantFrom(configuration));
    const participant = await w.register.lock(participantId);
    await mustBeImpartial(w, caller, participantId);
    refuseDescribed(participant);
    if (await isSecond(w, ports, { participantId, thumbprints, confirmer })) {
      const shown = (await w.entities.find(participantId))?.candidate ?? null;
      return { participant: await acceptConfiguration(w, configuration, { confirmed: true, shown }), isConfirmed: true };
    }
    await w.configurations.putConfirmation({ participantId, thumbprints, confirmer, at: ports.clock.now() });
    return { participant, isConfirmed: false };
  });
}

async function isSecond(w: Writer, ports: OfficePorts, now: Omit<KeyConfirmation, "at">): Promise<boolean> {
  const before = await w.entities.findConfirmation(now.participantId);
  const alike = before !== null && before.confirmer !== now.confirmer && isSame(before.thumbprints, now.thumbprints) ? [before] : [];
  return (await countedWords(w, ports, alike, { by: ({ confirmer }) => confirmer, about: [now.participantId] })).length > 0;
}

const isSame = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((one) => b.includes(one));

function refuseOthers({ keys }: EntityConfiguration, thumbprints: string[]): void {
  if (!isSame(publicKeys(keys, "jwks").map(thumbprintOf), [...new Set(thumbprints)]))
    throw new RelaisError("conflict", "The entity publishes other keys than those that you confirm. Look at them again.", {
      actor: "operator",
    });
}

/** What the operator described, the operator alone lets speak for itself. */
function refuseDescribed({ name, adapter }: Participant): void {
  if (!speaksForItself({ adapter }))
    throw new RelaisError("conflict", `${name} was described by the operator, and publishes no keys that could be confirmed.`, {
      actor: "operator",
    });
}

/** A key as people compare it. */
export interface ShownKey {
  kid: string | null;
  thumbprint: string;
}

export interface KeyQuestion {
  known: ShownKey[];
  /** What it signs with now, where that is something else and nobody confirmed it. */
  published: ShownKey[] | null;
  /** Where it wants to be spoken to instead, until a look has passed; accreditors may confirm that too. */
  waiting: Participant["endpoints"] | null;
  /** Who confirmed once. */
  confirmer: string | null;
}

/** What accreditors and the authority see of a participant's keys. */
export async function readKeys(r: Reader, participantId: ParticipantId): Promise<KeyQuestion> {
  const { federationKeys = [] } = await r.participants.get(participantId);
  const record = await r.entities.find(participantId);
  const confirmation = await r.entities.findConfirmation(participantId);
  return {
    known: federationKeys.map(shown),
    published: record?.strangeKeys?.map(shown) ?? null,
    waiting: record?.candidate?.endpoints ?? null,
    confirmer: confirmation?.confirmer ?? null,
  };
}

function shown(key: PublicJwk): ShownKey {
  return { kid: key.kid ?? null, thumbprint: thumbprintOf(key) };
}
