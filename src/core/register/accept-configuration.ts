import { RelaisError } from "../errors.ts";
import { newId } from "../ids.ts";
import type { EntityConfiguration, Writer } from "../ports.ts";
import { participantFrom } from "./participant-metadata.ts";
import type { Participant, PublicJwk } from "./participant.ts";

const SHORTEST_MILLISECONDS = 5 * 60_000;
const LONGEST_MILLISECONDS = 6 * 3_600_000;

/**
 * Takes over what an entity says of itself. An entity that is known must sign with a key that the register knows: so it announces a new key in a
 * set that the old one signs. Anything else is a new owner until somebody confirms it.
 * @throws RelaisError `peer_protocol` naming what is wrong, `conflict` with `details.keys` where the keys are not confirmed.
 */
export async function acceptConfiguration(
  w: Writer,
  configuration: EntityConfiguration,
  { confirmed = false }: { confirmed?: boolean | undefined } = {},
): Promise<Participant> {
  const described = participantFrom(configuration);
  const found = await w.participants.findByEntityId(described.entityId);
  const known = found && (await w.register.lock(found.id));
  const keys = known?.federationKeys ?? [];
  if (keys.length > 0 && !confirmed && !keys.some((key) => isSameKey(key, configuration.signedBy))) throw unconfirmed(described.name);
  const participant: Participant = { ...described, id: known?.id ?? newId("participant"), status: known?.status ?? "registered" };
  await w.register.put(participant);
  await w.configurations.put({
    participantId: participant.id,
    jwt: configuration.jwt,
    expiresAt: configuration.expiresAt,
    checkedAt: configuration.readAt,
    nextAt: nextLook(configuration),
    failures: 0,
    outcome: "accepted",
    says: null,
  });
  if (keys.length > 0 && !isSameSet(keys, configuration.keys)) await logKeys(w, configuration, confirmed);
  return participant;
}

/** Half of its life from now on, so that a change is seen in time and a short life does no harm. */
function nextLook({ readAt, expiresAt }: EntityConfiguration): Date {
  const half = (expiresAt.getTime() - readAt.getTime()) / 2;
  return new Date(readAt.getTime() + Math.min(Math.max(half, SHORTEST_MILLISECONDS), LONGEST_MILLISECONDS));
}

/** Outsiders see that an entity has other keys now, and whether a person had to confirm them. */
async function logKeys(w: Writer, { entityId, keys, readAt }: EntityConfiguration, confirmed: boolean): Promise<void> {
  await w.log.append({ kind: "key", at: readAt, body: { participant: entityId, keys: keys.map(({ kid }) => String(kid)), confirmed } });
}

const MATERIAL = ["kty", "crv", "x", "y", "n", "e"];

/** By what the key is: a `kid` can be given to any key. */
function isSameKey(a: PublicJwk, b: PublicJwk): boolean {
  return MATERIAL.every((member) => a[member] === b[member]);
}

function isSameSet(a: PublicJwk[], b: PublicJwk[]): boolean {
  return a.length === b.length && a.every((key) => b.some((other) => isSameKey(key, other)));
}

function unconfirmed(name: string): RelaisError {
  return new RelaisError(
    "conflict",
    `${name} signs its configuration with a key that the register does not know. It must publish the new key in a set that the old key signs; where the old key is lost, an accreditor confirms the new one.`,
    { actor: "platform", details: { keys: "unconfirmed" } },
  );
}
