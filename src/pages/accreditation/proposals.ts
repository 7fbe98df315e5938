import type { Words } from "../../core/catalogue/data-set.ts";
import type { Reader } from "../../core/ports.ts";
import type { OrganisationProposal, Proposal } from "../../core/register/application.ts";
import type { Tongue } from "../tongue.ts";
import { pathOf, type PersonVisit } from "../visit.ts";

/** What one accreditor asked for, with its reasons: the second one confirms what was read, or asks for something else. */
export function rowsOfProposals({ t, lang, moment }: Tongue, proposals: (Proposal | OrganisationProposal)[]) {
  return proposals.map(({ kind, proposer, reasons, remedy, at }) => ({
    what: t("standing.proposed", { kind: t(`standing.kind.${kind}`), who: proposer }),
    at: moment(at),
    iso: at.toISOString(),
    texts: [reasons, remedy].filter((text): text is Words => text !== null).map((text) => text[lang]),
  }));
}

/** What waits for a second accreditor, for the first page of all of them. */
export async function proposalsThatWait(r: Reader, visit: PersonVisit, limit: number) {
  const { t, moment } = visit.tongue;
  return (await r.accreditations.waitingProposals(limit)).map(({ participantId, organisationId, name, kind, proposer, at }) => ({
    name,
    href: pathOf(visit, participantId ? `/accreditation/participants/${participantId}` : `/accreditation/organisations/${organisationId}`),
    what: t("standing.proposed", { kind: t(`standing.kind.${kind}`), who: proposer }),
    since: moment(at),
  }));
}
