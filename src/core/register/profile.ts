import type { ParticipantId } from "../ids.ts";
import type { Restriction } from "../policy/conditions.ts";
import type { Reader } from "../ports.ts";
import type { Application, Organisation } from "./application.ts";
import { readAssessment, type Assessment } from "./assessment.ts";
import type { Charters } from "./charter.ts";
import type { Indicators } from "./indicators.ts";
import type { Participant, Role, Status, TrustMark } from "./participant.ts";
import { readIndicators } from "./read-indicators.ts";
import { STANDING, standingOf, type Act } from "./standing.ts";

/** Everything that the public may know of one participant, in one read. */
export interface Profile {
  participant: Participant;
  mark: TrustMark | null;
  standing: Status;
  organisation: Organisation | null;
  /** Of the application that its accreditation comes from; null where there is none (level 0, or accredited by the operator). */
  assessment: Assessment | null;
  indicators: Indicators;
  restrictions: Restrictions;
}

/** Holders that send it less than they send to others, with their reasons. */
export interface Restrictions {
  stated: Restriction[];
  holders: Map<ParticipantId, Participant>;
}

/** More holders than this cannot restrict one platform and be read by a person. */
const MOST_RESTRICTIONS = 200;

/** @throws RelaisError `not_found`. */
export async function readProfile(r: Reader, charters: Charters, id: ParticipantId, now: Date): Promise<Profile> {
  const participant = await r.participants.get(id);
  return profileOf(r, charters, { participant, application: await r.accreditations.findGiven(id), now });
}

/** As it would be if this application were the one that the accreditation comes from. */
export async function profileOf(
  r: Reader,
  charters: Charters,
  { participant, application, now }: { participant: Participant; application: Application | null; now: Date },
): Promise<Profile> {
  const mark = await r.participants.findMark(participant.id);
  return {
    participant,
    mark,
    standing: standingOf(participant, mark, now),
    organisation: await r.accreditations.findOrganisationOf(participant.id),
    assessment: application && (await readAssessment(r, charters, { participant, application, now })),
    indicators: await readIndicators(r, participant, now),
    restrictions: await readRestrictions(r, participant),
  };
}

async function readRestrictions(r: Reader, { id, roles }: Participant): Promise<Restrictions> {
  const holders: Restrictions["holders"] = new Map();
  if (!roles.includes("platform")) return { stated: [], holders };
  const stated = await r.conditions.restrictions({ platformId: id, limit: MOST_RESTRICTIONS });
  for (const { holderId } of stated) if (!holders.has(holderId)) holders.set(holderId, await r.participants.get(holderId));
  return { stated, holders };
}

// oxfmt-ignore
const ACTS_OF = {
  platform: ["new_consent", "delivery_in", "withdrawal", "export_out", "proposal"],
  holder:   ["new_consent", "delivery_out", "withdrawal", "proposal"],
  service:  ["new_consent", "withdrawal"],
} as const satisfies Record<Role, readonly Act[]>;

/** What its standing allows, of what concerns its roles. */
export function allowedActs({ participant, standing }: Pick<Profile, "participant" | "standing">): { act: Act; isAllowed: boolean }[] {
  const acts = new Set<Act>(participant.roles.flatMap((role) => ACTS_OF[role]));
  return [...acts].map((act) => ({ act, isAllowed: STANDING[standing][act] }));
}
