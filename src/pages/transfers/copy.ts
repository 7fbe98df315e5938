import { PURPOSES } from "../../core/consent/consent.ts";
import { requestConsent } from "../../core/consent/request-consent.ts";
import { areConditionsDue } from "../../core/policy/decide.ts";
import { readPlaces, type Places } from "../accounts/offer.ts";
import { choicesOf, chosenOf } from "../accounts/view.ts";
import { errorsByField, pathOf, type Answer, type FieldError, type Form, type PagesPorts, type PersonVisit } from "../visit.ts";
import { readRestrictions, refusedOf, sentencesOf, viewOfRestriction } from "./restrictions.ts";

/** Days during which the data may be delivered, for a single copy. */
const DAYS_TO_DELIVER = 30;

/** From an organisation to a data space. */
const ROLES = { source: "holder", destination: "platform" } as const;

export async function showCopy(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  return copyPage(ports, visit, await readPlaces(ports, visit, visit.query, ROLES), visit.query, []);
}

async function copyPage(
  ports: PagesPorts,
  { tongue }: PersonVisit,
  { entries, offered, links, picks }: Places,
  form: Form,
  errors: FieldError[],
): Promise<Answer> {
  const offer = { links, now: ports.clock.now() };
  const model = {
    sources: choicesOf(tongue, { ...offer, entries: offered.source, role: "holder", chosen: form.one("source") }),
    destinations: choicesOf(tongue, { ...offer, entries: offered.destination, role: "platform", chosen: form.one("destination") }),
    picks,
    restrictions: (await readRestrictions(ports, { entries, links }, form.one("source"))).map((one) => viewOfRestriction(tongue, one)),
    errors,
    errorAt: errorsByField(tongue, errors),
  };
  return { kind: "page", template: "copy", title: tongue.t("copy.title"), model, status: errors.length > 0 ? 422 : 200 };
}

/** Two places chosen: prove what is not proved yet, then ask for the permission. */
export async function chooseCopy(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue, form, personId } = visit;
  const places = await readPlaces(ports, visit, form, ROLES);
  const choice = chosenPlaces(visit, places, { source: "copy.error.source", destination: "copy.error.destination" });
  if ("errors" in choice) return copyPage(ports, visit, places, form, choice.errors);
  const { source, destination } = choice;
  const refusal = await refusalOf(ports, visit, places, choice);
  if (refusal) return copyPage(ports, visit, places, form, [refusal]);
  if (source.link === null || destination.link === null) return proofFirst(visit, "/me/copy", choice);
  const consent = await requestConsent(ports, {
    personId,
    sourceLinkId: source.link.id,
    destinationLinkId: destination.link.id,
    action: "copy",
    datasets: [],
    purpose: PURPOSES[0].iri,
    recurrence: null,
    expires: new Date(ports.clock.now().getTime() + DAYS_TO_DELIVER * 86_400_000).toISOString().slice(0, 10),
    retention: null,
    language: tongue.lang,
    requester: null,
  });
  return { kind: "redirect", to: pathOf(visit, `/permissions/${consent.id}/decide`) };
}

/** Said before anybody has to prove an account, unless an account may be the one that the holder opened for. */
async function refusalOf(ports: PagesPorts, { tongue }: PersonVisit, { entries }: Places, choice: Choice): Promise<FieldError | null> {
  const [holder, platform] = [choice.source, choice.destination].map(({ participant }) =>
    entries.find((entry) => entry.participant.id === participant.id),
  );
  if (!holder || !platform || !areConditionsDue(holder.participant, false)) return null;
  const refused = await refusedOf(ports, { holder, platform }, choice.source.link);
  const mayDependOnAccount = choice.source.link === null && refused.some(({ reasons }) => reasons.join() === "not-open-yet");
  if (refused.length === 0 || refused.length < holder.participant.datasets.length || mayDependOnAccount) return null;
  const names = { holder: holder.participant.name, platform: platform.participant.name };
  const text = tongue.t("conditions.copy.error", { ...names, reasons: sentencesOf(tongue.lang, refused).join(" ") });
  return { field: "destination", text };
}

type Chosen = NonNullable<ReturnType<typeof chosenOf>>;
interface Choice {
  source: Chosen;
  destination: Chosen;
}
type ErrorKeys = Record<
  "source" | "destination",
  "copy.error.source" | "copy.error.destination" | "switch.error.source" | "switch.error.destination"
>;

/** Both places as the form or the address names them, or what has to be chosen first. */
export function chosenPlaces(
  { tongue, form, query }: PersonVisit,
  { entries, links }: Places,
  keys: ErrorKeys,
): Choice | { errors: FieldError[] } {
  const participants = entries.map((entry) => entry.participant);
  const [source, destination] = (["source", "destination"] as const).map((field) =>
    chosenOf(form.one(field) || query.one(field), links, participants),
  );
  if (source && destination) return { source, destination };
  const errors = [source ? null : "source", destination ? null : "destination"] as const;
  return { errors: errors.filter((field) => field !== null).map((field) => ({ field, text: tongue.t(keys[field]) })) };
}

/** To the proof of the first account that is missing, and back here with both choices kept. */
export function proofFirst(visit: PersonVisit, back: "/me/copy" | "/me/switch", { source, destination }: Choice): Answer {
  const missing = source.link === null ? source.participant : destination.participant;
  const query = new URLSearchParams({
    source: source.link?.id ?? source.participant.id,
    destination: destination.link?.id ?? destination.participant.id,
  });
  const next = `${pathOf(visit, back)}?${query}`;
  return { kind: "redirect", to: pathOf(visit, `/accounts/${missing.id}?${new URLSearchParams({ next })}`) };
}
