import type { Writer } from "../ports.ts";
import type { Organisation } from "./application.ts";
import { isWatched } from "./participant-change.ts";
import type { Participant } from "./participant.ts";

/**
 * The organisation as the participant itself names it: `organization_name` of its `federation_entity` (OpenID Federation 1.0 §5.2.2), which is
 * also the participant's name, and the country that it publishes.
 */
export function organisationIn({ name, about }: Pick<Participant, "name" | "about">): Pick<Organisation, "name" | "country"> {
  return { name, country: about.country };
}

/**
 * The organisation that goes by another name or country than its only participant publishes now, locked until the transaction ends (call it
 * before the participant is locked); null where there is nothing to follow. Where several participants are of one organisation, none of them
 * speaks for the others: it keeps its name.
 */
export async function lockMisnamed(w: Writer, described: Pick<Participant, "entityId" | "name" | "about">): Promise<Organisation | null> {
  const participant = await w.participants.findByEntityId(described.entityId);
  const organisation = participant && (await w.accreditations.findOrganisationOf(participant.id));
  const published = organisationIn(described);
  if (!organisation || (organisation.name === published.name && organisation.country === published.country)) return null;
  const locked = await w.cases.lockOrganisation(organisation.id);
  return (await w.accreditations.participantsOf(organisation.id)).length === 1 ? locked : null;
}

/**
 * Tells outsiders that an organisation whose participant is accredited above the sandbox's level goes by another name or country: decisions before
 * this entry are about the same one. Nobody else is told of, so that whoever joins cannot fill the log with names.
 */
export async function logRenaming(w: Writer, before: Organisation | null, participant: Participant, at: Date): Promise<void> {
  if (before === null || !isWatched(participant, await w.participants.findMark(participant.id))) return;
  const { name, country } = organisationIn(participant);
  const body = { participant: participant.entityId, name, country, before: { name: before.name, country: before.country } };
  await w.log.append({ kind: "organisation", at, body });
}
