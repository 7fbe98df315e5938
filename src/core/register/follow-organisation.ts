import type { Writer } from "../ports.ts";
import type { Organisation, OrganisationId } from "./application.ts";
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
export async function lockMisnamed(w: Writer, described: Pick<Participant, "entityId" | "name" | "about">): Promise<OrganisationId | null> {
  const participant = await w.participants.findByEntityId(described.entityId);
  const organisation = participant && (await w.accreditations.findOrganisationOf(participant.id));
  const published = organisationIn(described);
  if (!organisation || (organisation.name === published.name && organisation.country === published.country)) return null;
  await w.cases.lockOrganisation(organisation.id);
  return (await w.accreditations.participantsOf(organisation.id)).length === 1 ? organisation.id : null;
}
