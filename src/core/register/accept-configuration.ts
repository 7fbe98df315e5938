import { voidConsents } from "../consent/void-consents.ts";
import { RelaisError } from "../errors.ts";
import { SKEW_SECONDS } from "../federation/statement.ts";
import { newId } from "../ids.ts";
import type { EntityConfiguration, Writer } from "../ports.ts";
import { askForLook } from "./conclude-checks.ts";
import type { EntityRecord } from "./entity-record.ts";
import { lockMisnamed, logRenaming, organisationIn } from "./follow-organisation.ts";
import { logChange } from "./log-change.ts";
import { changesOf, digestOf, isWatched, waitsForLook, type Candidate } from "./participant-change.ts";
import { participantFrom, type Described } from "./participant-metadata.ts";
import { speaksForItself, type Participant, type PublicJwk } from "./participant.ts";
import { hasKey, isSameSet, thumbprintOf } from "./public-keys.ts";

const SHORTEST_MILLISECONDS = 5 * 60_000;
const LONGEST_MILLISECONDS = 6 * 3_600_000;

/** `confirmed`: its keys, and where it wants to be spoken to, are known by another channel. */
export interface Acceptance {
  confirmed?: boolean | undefined;
  /** Where the place was confirmed as it was shown: this, and no other. Left out, whatever is published was confirmed. */
  shown?: Candidate | null;
}

/**
 * Takes over what an entity says of itself. An entity that is known must sign with a key that the register knows: so it announces a new key in a
 * set that the old one signs. Anything else is a new owner until somebody confirms it. Where an accredited participant wants to be spoken to at
 * another origin, or in another role, that waits until a look at it has passed; the rest counts at once, also what its organisation is called.
 * Permissions that were given for less than it publishes now end.
 * @throws RelaisError `peer_protocol` naming what is wrong, `conflict` with `details.keys` where the keys are not confirmed, or where the operator
 * described it by hand.
 */
export async function acceptConfiguration(
  w: Writer,
  configuration: EntityConfiguration,
  { confirmed = false, ...place }: Acceptance = {},
): Promise<Participant> {
  const described = participantFrom(configuration);
  const misnamed = await lockMisnamed(w, described);
  const known = await w.register.lockEntity(described.entityId);
  if (known === null) return admit(w, configuration, described);
  const last = await w.entities.find(known.id);
  refuseOlder(configuration, last);
  if (!confirmed) refuseStranger(known, described, configuration.signedBy);
  const change = await weigh(w, known, described, confirmed && isPlaceConfirmed(described, place));
  const participant: Participant = { ...described, ...change.inForce, id: known.id, status: known.status };
  await w.register.put(participant);
  if (misnamed !== null) await w.cases.renameOrganisation(misnamed.id, organisationIn(participant));
  await voidConsents(w, known, participant, configuration.readAt);
  const { waits } = change;
  const waited = last?.candidate ?? null;
  await w.configurations.put({ ...recordOf(configuration, known.id), candidate: waits });
  if (confirmed || !isSamePlace(waited, waits)) await w.configurations.dropConfirmation(known.id);
  const isDue = change.needsLook || (waited !== null && waits === null);
  await (isDue ? look : lookForOpen)(w, { before: known, now: participant }, configuration.readAt);
  await logKeys(w, known, participant, { configuration, confirmed });
  if (change.logged.length > 0) await logChange(w, participant, { changed: change.logged, at: configuration.readAt, lookedAt: false });
  await logRenaming(w, misnamed, participant, configuration.readAt);
  return participant;
}

async function admit(w: Writer, configuration: EntityConfiguration, described: Described): Promise<Participant> {
  const participant: Participant = { ...described, id: newId("participant"), status: "registered" };
  await w.register.put(participant);
  await w.configurations.put(recordOf(configuration, participant.id));
  return participant;
}

function recordOf({ jwt, issuedAt, expiresAt, readAt }: EntityConfiguration, participantId: Participant["id"]): EntityRecord {
  const nextAt = nextLook({ readAt, expiresAt });
  const fine = { failures: 0, outcome: "accepted", says: null, candidate: null, strangeKeys: null } as const;
  return { participantId, jwt, issuedAt, expiresAt, checkedAt: readAt, nextAt, ...fine };
}

/** Half of its life from now on, so that a change is seen in time and a short life does no harm. */
function nextLook({ readAt, expiresAt }: Pick<EntityConfiguration, "readAt" | "expiresAt">): Date {
  const half = (expiresAt.getTime() - readAt.getTime()) / 2;
  return new Date(readAt.getTime() + Math.min(Math.max(half, SHORTEST_MILLISECONDS), LONGEST_MILLISECONDS));
}

/** Whoever kept an old one, or read it before somebody else read a newer one, must not bring back its keys and addresses. */
function refuseOlder({ issuedAt }: EntityConfiguration, last: EntityRecord | null): void {
  // Several servers of one entity sign with clocks of their own.
  if (last?.issuedAt && issuedAt.getTime() < last.issuedAt.getTime() - SKEW_SECONDS * 1000)
    throw new RelaisError(
      "peer_protocol",
      "The entity configuration is older than the one that was accepted last. The participant must publish the newest one everywhere.",
    );
}

function refuseStranger({ name, adapter, federationKeys = [] }: Participant, described: Described, signedBy: PublicJwk): void {
  if (!speaksForItself({ adapter }))
    throw new RelaisError("conflict", `${name} was described by the operator, who alone can let it speak for itself.`, {
      actor: "operator",
    });
  if (federationKeys.length > 0 && !hasKey(federationKeys, signedBy))
    throw new RelaisError(
      "conflict",
      `${name} signs its configuration with a key that the register does not know. It must publish the new key in a set that the old key signs; where the old key is lost, accreditors confirm the new one.`,
      { actor: "platform", details: { keys: "unconfirmed", published: described.federationKeys } },
    );
}

function isPlaceConfirmed(described: Described, { shown }: Pick<Acceptance, "shown">): boolean {
  return shown === undefined || isSamePlace(shown, described);
}

function isSamePlace(a: Candidate | null, b: Candidate | null): boolean {
  return a === null || b === null ? a === b : digestOf(a) === digestOf(b);
}

interface Weighed {
  inForce: Candidate;
  /** Null where everything that is published counts. */
  waits: Candidate | null;
  needsLook: boolean;
  /** What takes effect now and is told in the public log. */
  logged: string[];
}

async function weigh(w: Writer, known: Participant, described: Described, isPlaceKnown: boolean): Promise<Weighed> {
  const changes = changesOf(known, described);
  if (!isWatched(known, await w.participants.findMark(known.id)))
    return { inForce: kept(described), waits: null, needsLook: false, logged: [] };
  const isHeld = !isPlaceKnown && waitsForLook(changes);
  const logged = isHeld ? changes.filter((name) => !waitsForLook([name])) : changes;
  const [inForce, waits] = isHeld ? [kept(known), kept(described)] : [kept(described), null];
  return { inForce, waits, needsLook: isHeld || isMoved(known, described), logged };
}

/** Also another path at the same origin is looked at again. */
function isMoved(known: Participant, { endpoints }: Described): boolean {
  return known.endpoints.inbox !== endpoints.inbox || known.endpoints.export !== endpoints.export;
}

function kept({ roles, endpoints, datasets }: Pick<Participant, "roles" | "endpoints" | "datasets">) {
  return { roles, endpoints, datasets };
}

interface Accepted {
  before: Participant;
  now: Participant;
}

async function look(w: Writer, { now: { id } }: Accepted, at: Date): Promise<void> {
  await askForLook(w, { participantId: id, application: await w.accreditations.findGiven(id), at });
}

/** What was seen of an applicant at another place counts for nothing. */
async function lookForOpen(w: Writer, { before, now }: Accepted, at: Date): Promise<void> {
  if (isSamePlace(before, now)) return;
  const open = await w.accreditations.findOpen(now.id);
  if (open?.state === "submitted" || open?.state === "in_review") await askForLook(w, { participantId: now.id, application: open, at });
}

/** Outsiders see that an entity has other keys now, by their thumbprints, and whether people had to confirm them. */
async function logKeys(
  w: Writer,
  known: Participant,
  now: Participant,
  { configuration, confirmed }: { configuration: EntityConfiguration; confirmed: boolean },
): Promise<void> {
  const [before, after] = [known.federationKeys ?? [], now.federationKeys ?? []];
  if (before.length === 0 || (isSameSet(before, after) && isSameSet(known.keys, now.keys))) return;
  const print = (keys: PublicJwk[]) => keys.map(thumbprintOf);
  const body = { participant: now.entityId, keys: print(after), document_keys: print(now.keys), confirmed };
  await w.log.append({ kind: "key", at: configuration.readAt, body });
}
