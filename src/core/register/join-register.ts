import { randomToken } from "../ids.ts";
import { RelaisError } from "../errors.ts";
import { newId, type ParticipantId, type PersonId } from "../ids.ts";
import type { EntityConfigurations, Ports, Writer } from "../ports.ts";
import { sha256 } from "../transfer/manifest.ts";
import type { Charters } from "./charter.ts";
import { organisationIn } from "./follow-organisation.ts";
import { grantAccreditation } from "./grant-accreditation.ts";
import type { Participant } from "./participant.ts";
import { AUTOMATIC } from "./record-decision.ts";
import { registerParticipant } from "./register-participant.ts";
import { mustActFor, type RegisterCaller } from "./register-caller.ts";
import type { MarkingPorts } from "./trust-mark.ts";

type JoiningPorts = Pick<Ports, "store"> & MarkingPorts & { entityConfigurations: EntityConfigurations; charters: Charters };

/**
 * Brings an entity into the register by what it publishes, and lets it into the sandbox at once (level 0): invented people only, at
 * holders that say so of themselves. Whoever asks needs no right, and says nothing but its address: only the entity's own keys can go on from here.
 * @throws RelaisError `invalid`, `peer_unavailable`, `peer_protocol`.
 */
export async function joinRegister(ports: JoiningPorts, entry: { entityId: string; confirmed?: boolean }): Promise<Participant> {
  await refuseCrowd(ports, entry.entityId);
  const participant = await registerParticipant(ports, entry);
  return ports.store.write(async (w) => {
    const present = await w.register.lock(participant.id);
    await attach(w, present, ports.clock.now());
    const last = await w.participants.findMark(present.id);
    const mayEnter = last === null ? present.status === "registered" : present.status === "expired" && last.level === 0;
    if (!mayEnter) return present;
    await grantAccreditation(w, ports, {
      participant: present,
      application: null,
      charter: ports.charters.current(ports.clock.now()),
      level: 0,
      kind: "accredit",
      reasons: {
        fr: "Entrée dans le bac à sable : personnes inventées seulement, sans contrôle.",
        en: "Let into the sandbox: invented people only, without any check.",
      },
      deciders: [AUTOMATIC],
    });
    return w.participants.get(present.id);
  });
}

/** Newcomers in an hour, for the whole installation: each makes Relais reach out to an address that somebody named. */
const NEWCOMERS_PER_HOUR = 200;

/** Who is in the register already is no newcomer. */
async function refuseCrowd({ store, clock }: Pick<Ports, "store" | "clock">, entityId: string): Promise<void> {
  const since = new Date(clock.now().getTime() - 3_600_000);
  const isCrowd = await store.read(
    async (r) =>
      (await r.accreditations.joinedSince(since)) >= NEWCOMERS_PER_HOUR && (await r.participants.findByEntityId(entityId)) === null,
  );
  if (isCrowd) throw new RelaisError("rate_limited", "Many participants join at the moment. Try again in an hour.", { retryAfter: 3600 });
}

/** What it publishes says what its organisation is called and where it is; whoever asked to let it in has no word in that. */
async function attach(w: Writer, participant: Participant, createdAt: Date): Promise<void> {
  if ((await w.accreditations.findOrganisationOf(participant.id)) !== null) return;
  const id = newId("organisation");
  await w.cases.addOrganisation({ id, ...organisationIn(participant), status: "active", createdAt });
  await w.cases.attach(participant.id, id);
}

const INVITATION_HOURS = 48;

/** A one-time word by which a person who signs in may act for the participant. Its key holder asks for it. */
export async function inviteMember(
  ports: Pick<Ports, "store" | "clock">,
  caller: RegisterCaller,
  participantId: ParticipantId,
): Promise<{ token: string; expiresAt: Date }> {
  mustActFor(caller, participantId);
  const token = randomToken();
  const expiresAt = new Date(ports.clock.now().getTime() + INVITATION_HOURS * 3_600_000);
  await ports.store.write((w) => w.cases.addInvitation({ tokenHash: sha256(token), participantId, expiresAt }));
  return { token, expiresAt };
}

/** @throws RelaisError `not_found` for a word that is wrong, over, or was used. */
export async function acceptInvitation(
  ports: Pick<Ports, "store" | "clock">,
  { personId, token }: { personId: PersonId; token: string },
): Promise<ParticipantId> {
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    const participantId = await w.cases.useInvitation(sha256(token), now);
    if (participantId === null)
      throw new RelaisError("not_found", "This invitation is over or was used. Ask your organisation for a new one.", { actor: "person" });
    await w.cases.addMembership({ personId, participantId, addedAt: now });
    return participantId;
  });
}

/** What the participant has to publish to show that it controls its name; the same value until it is asked for anew. */
export async function challengeOf(
  ports: Pick<Ports, "store" | "clock">,
  caller: RegisterCaller,
  participantId: ParticipantId,
): Promise<string> {
  mustActFor(caller, participantId);
  return ports.store.write(async (w) => {
    const known = await w.accreditations.findChallenge(participantId);
    if (known !== null) return known;
    const value = `relais-challenge=${randomToken()}`;
    await w.cases.putChallenge({ participantId, value, askedAt: ports.clock.now() });
    return value;
  });
}
