import { requestConsent } from "../../core/consent/request-consent.ts";
import { readPlaces, type Places } from "../accounts/offer.ts";
import { choicesOf } from "../accounts/view.ts";
import type { Entry } from "../register/view.ts";
import { chosenPlaces, proofFirst } from "../transfers/copy.ts";
import { errorsByField, pathOf, type Answer, type FieldError, type Form, type PagesPorts, type PersonVisit } from "../visit.ts";

/** From a data space to an organisation: the other way than a copy. */
const ROLES = { source: "platform", destination: "holder" } as const;
const DAYS_TO_DECIDE = 30;
const PURPOSE = "https://w3id.org/dpv#RightsFulfilment";

export async function showPropose(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  return proposePage(ports, visit, await readPlaces(ports, visit, visit.query, ROLES), visit.query, []);
}

function takesProposals({ participant: { endpoints, datasets } }: Entry): boolean {
  return endpoints.inbox !== undefined && datasets.some(({ acceptsProposals }) => acceptsProposals === true);
}

function proposePage(
  ports: PagesPorts,
  { tongue }: PersonVisit,
  { offered, links, picks }: Places,
  form: Form,
  errors: FieldError[],
): Answer {
  const offer = { links, now: ports.clock.now() };
  const model = {
    sources: choicesOf(tongue, { ...offer, entries: offered.source, role: "platform", chosen: form.one("source") }),
    destinations: choicesOf(tongue, {
      ...offer,
      entries: offered.destination.filter(takesProposals),
      role: "holder",
      chosen: form.one("destination"),
    }),
    picks,
    errors,
    errorAt: errorsByField(tongue, errors),
  };
  return { kind: "page", template: "propose", title: tongue.t("propose.title"), model, status: errors.length > 0 ? 422 : 200 };
}

/** Proves what is not proved yet, then asks for the permission: its direction is said on the screen that decides. */
export async function choosePropose(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue, form, personId } = visit;
  const places = await readPlaces(ports, visit, form, ROLES);
  const choice = chosenPlaces(visit, places, { source: "propose.error.source", destination: "propose.error.destination" });
  if ("errors" in choice) return proposePage(ports, visit, places, form, choice.errors);
  const { source, destination } = choice;
  if (source.link === null || destination.link === null) return proofFirst(visit, "/me/propose", choice);
  const consent = await requestConsent(ports, {
    personId,
    sourceLinkId: source.link.id,
    destinationLinkId: destination.link.id,
    action: "propose",
    datasets: [],
    purpose: PURPOSE,
    recurrence: null,
    expires: new Date(ports.clock.now().getTime() + DAYS_TO_DECIDE * 86_400_000).toISOString().slice(0, 10),
    retention: null,
    language: tongue.lang,
    requester: null,
  });
  return { kind: "redirect", to: pathOf(visit, `/permissions/${consent.id}/decide`) };
}
