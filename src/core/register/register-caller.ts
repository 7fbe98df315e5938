import { RelaisError } from "../errors.ts";
import type { ParticipantId } from "../ids.ts";
import type { AccreditationsReader } from "./accreditations.ts";
import type { Office, StaffMember } from "./staff.ts";

/** Who acts in the register: a participant (its own key, or a person who acts for it), or somebody with an office. */
export type RegisterCaller =
  | { kind: "participant"; participantId: ParticipantId; entityId: string; name: string }
  | { kind: Office; name: string; /** Who signs in with this office, where the operator named somebody. */ person?: StaffMember["person"] };

/** @throws RelaisError `not_found` for anybody else: what is not theirs does not exist for them. */
export function mustActFor(caller: RegisterCaller, participantId: ParticipantId): void {
  if (caller.kind === "participant" && caller.participantId === participantId) return;
  throw new RelaisError("not_found", "There is no such entry among yours.");
}

/** The participant itself, accreditors and the authority. @throws RelaisError `not_found`. */
export function mayRead(caller: RegisterCaller, participantId: ParticipantId): void {
  if (caller.kind === "accreditor" || caller.kind === "authority") return;
  mustActFor(caller, participantId);
}

/** The published name of the office. @throws RelaisError `forbidden`. */
export function accreditorName(caller: RegisterCaller): string {
  if (caller.kind === "accreditor") return caller.name;
  throw new RelaisError("forbidden", "Only an accreditor decides this. The operator names accreditors.", { actor: "operator" });
}

/** Nobody judges a participant that they act for, whatever they declare. @throws RelaisError `forbidden`. */
export async function mustBeImpartial(
  r: { accreditations: Pick<AccreditationsReader, "actsFor"> },
  caller: RegisterCaller,
  participantId: ParticipantId,
): Promise<void> {
  if (caller.kind === "participant" || !(await actsForAny(r, caller.person ?? null, [participantId]))) return;
  throw new RelaisError("forbidden", "You act for this participant: another accreditor has to decide.", { actor: "operator" });
}

/** False where the operator named no person: then nobody can know. */
export async function actsForAny(
  r: { accreditations: Pick<AccreditationsReader, "actsFor"> },
  person: StaffMember["person"],
  participantIds: readonly ParticipantId[],
): Promise<boolean> {
  if (person === null) return false;
  for (const participantId of participantIds) if (await r.accreditations.actsFor(person, participantId)) return true;
  return false;
}

/** The participant that the caller is. @throws RelaisError `forbidden` for an office. */
export function mustActForSomebody(caller: RegisterCaller): ParticipantId {
  return mustBeParticipant(caller).participantId;
}

/** @throws RelaisError `forbidden` for an office. */
export function mustBeParticipant(caller: RegisterCaller): Extract<RegisterCaller, { kind: "participant" }> {
  if (caller.kind === "participant") return caller;
  throw new RelaisError("forbidden", "This is a participant's own: an office has none. Ask with the token of the participant.");
}
