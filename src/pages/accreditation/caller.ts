import { RelaisError } from "../../core/errors.ts";
import { noteAccess } from "../../core/person/note-access.ts";
import { asId, type ParticipantId } from "../../core/ids.ts";
import type { RegisterCaller } from "../../core/register/register-caller.ts";
import type { StaffMember } from "../../core/register/staff.ts";
import type { PagesPorts, PersonVisit } from "../visit.ts";

/** The participant of this address, for a person who acts for it. @throws RelaisError `not_found` for anybody else. */
export async function memberOf(
  ports: PagesPorts,
  { params, personId }: PersonVisit,
): Promise<Extract<RegisterCaller, { kind: "participant" }>> {
  const participantId: ParticipantId = asId("participant", params["id"]);
  return ports.store.read(async (r) => {
    const memberships = await r.accreditations.memberships(personId);
    if (!memberships.some((membership) => membership.participantId === participantId))
      throw new RelaisError("not_found", "There is no such participant among those that you act for.", { actor: "person" });
    const { entityId, name } = await r.participants.get(participantId);
    return { kind: "participant", participantId, entityId, name };
  });
}

/** Somebody with an office, read anew at each visit. What the authority looks at is written down. @throws RelaisError `not_found`. */
export async function staffOf(
  ports: PagesPorts,
  { personId, path }: PersonVisit,
): Promise<Extract<RegisterCaller, { kind: StaffMember["office"] }>> {
  const member = await findStaff(ports, personId);
  if (member === null || member.office === "operator")
    throw new RelaisError("not_found", "There is nothing at this address for you.", { actor: "operator" });
  if (member.office === "authority")
    await ports.store.write((w) => w.cases.addAuthorityView({ viewer: member.name, what: path, at: ports.clock.now() }));
  const caller = { kind: member.office, name: member.name, person: member.person };
  await noteAccess(ports, caller, path);
  return caller;
}

export async function findStaff(
  { store, staff }: Pick<PagesPorts, "store" | "staff">,
  personId: PersonVisit["personId"],
): Promise<StaffMember | null> {
  const person = await store.read((r) => r.people.find(personId));
  return person && staff.findPerson(person.issuer, person.subject);
}
