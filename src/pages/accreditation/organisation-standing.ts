import { RelaisError } from "../../core/errors.ts";
import { asId } from "../../core/ids.ts";
import type { Organisation, OrganisationId, OrganisationProposal } from "../../core/register/application.ts";
import { changeOrganisation, ORGANISATION_ACTS, type OrganisationAct } from "../../core/register/change-organisation.ts";
import type { Participant } from "../../core/register/participant.ts";
import type { Reader } from "../../core/ports.ts";
import { pathOf, type Answer, type FieldError, type PagesPorts, type PersonVisit } from "../visit.ts";
import { staffOf } from "./caller.ts";
import { rowsOfProposals } from "./proposals.ts";
import { givenReasons, reasonsIn, remedyIn, toldAs } from "./reasons.ts";

const KINDS = Object.keys(ORGANISATION_ACTS) as OrganisationAct[];

interface OrganisationFile {
  organisation: Organisation;
  proposals: OrganisationProposal[];
  participants: { participant: Participant; reach: { transfers: number; permissions: number } }[];
}

async function readFile(r: Reader, id: OrganisationId): Promise<OrganisationFile> {
  const ids = await r.accreditations.participantsOf(id);
  return {
    organisation: await r.accreditations.getOrganisation(id),
    proposals: await r.accreditations.organisationProposals(id),
    participants: await Promise.all(
      ids.map(async (one) => ({ participant: await r.participants.get(one), reach: await r.accreditations.reach(one) })),
    ),
  };
}

/** What may be decided about an organisation now, and whose standing would go with it. */
export async function organisationStanding(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  const { t } = visit.tongue;
  const caller = await staffOf(ports, visit);
  const { organisation, proposals, participants } = await ports.store.read((r) => readFile(r, asId("organisation", visit.params["id"])));
  const possible = KINDS.filter((kind) => (ORGANISATION_ACTS[kind].from as readonly string[]).includes(organisation.status));
  const model = {
    id: organisation.id,
    name: organisation.name,
    status: t(`organisation.status.${organisation.status}`),
    participants: participants.map(({ participant, reach }) => ({
      name: participant.name,
      href: pathOf(visit, `/accreditation/participants/${participant.id}`),
      status: t(`register.status.${participant.status}`),
      preview: t("standing.preview", { ...reach }),
    })),
    proposals: rowsOfProposals(visit.tongue, proposals),
    kinds: possible.map((kind) => ({
      value: kind,
      text: t(`standing.kind.${kind}`),
      hint: t("standing.needs", { count: ORGANISATION_ACTS[kind].accreditors }),
    })),
    isReadOnly: caller.kind !== "accreditor",
    given: givenReasons(visit),
    errors,
  };
  return { kind: "page", template: "organisation-standing", title: organisation.name, model, status: errors.length > 0 ? 422 : 200 };
}

export async function decideOrganisation(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const caller = await staffOf(ports, visit);
  const kind = KINDS.find((known) => known === visit.form.one("kind"));
  try {
    if (kind === undefined) throw new RelaisError("invalid", visit.tongue.t("review.error.verdict"));
    const organisationId = asId("organisation", visit.params["id"]);
    await changeOrganisation(ports, caller, { organisationId, kind, reasons: reasonsIn(visit), remedy: remedyIn(visit) });
    return { kind: "redirect", to: pathOf(visit, `/accreditation/organisations/${organisationId}`) };
  } catch (error) {
    return organisationStanding(ports, visit, [toldAs(visit, error, "kind")]);
  }
}
