import { PURPOSES } from "../../core/consent/consent.ts";
import { MOST_SOURCES, startJourney } from "../../core/consent/start-journey.ts";
import { requestConsent } from "../../core/consent/request-consent.ts";
import type { AccountLink } from "../../core/person/person.ts";
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
    sources: choicesOf(tongue, { ...offer, entries: offered.source, role: "holder", chosen: form.all("source") }),
    destinations: choicesOf(tongue, { ...offer, entries: offered.destination, role: "platform", chosen: form.one("destination") }),
    picks,
    restrictions: (await readRestrictions(ports, { entries, links }, form.one("source"))).map((one) => viewOfRestriction(tongue, one)),
    errors,
    errorAt: errorsByField(tongue, errors),
  };
  return { kind: "page", template: "copy", title: tongue.t("copy.title"), model, status: errors.length > 0 ? 422 : 200 };
}

/** The places chosen: prove what is not proved yet, then ask for the permission, or for each of several. */
export async function chooseCopy(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const places = await readPlaces(ports, visit, visit.form, ROLES);
  const choices = chosenCopies(visit, places);
  if ("errors" in choices) return copyPage(ports, visit, places, visit.form, choices.errors);
  for (const choice of choices) {
    const refusal = await refusalOf(ports, visit, places, choice);
    if (refusal) return copyPage(ports, visit, places, visit.form, [refusal]);
  }
  const missing = choices.find(({ source, destination }) => source.link === null || destination.link === null);
  const sources = choices.map(({ source }) => source);
  if (missing) return proofFirst(visit, "/me/copy", missing, sources);
  const links = choices.flatMap(({ source, destination }) =>
    source.link && destination.link ? [{ source: source.link, destination: destination.link }] : [],
  );
  return { kind: "redirect", to: pathOf(visit, await askFor(ports, visit, links)) };
}

/** Returns the page of the one question, or of all of them. */
async function askFor(
  ports: PagesPorts,
  { tongue, personId }: PersonVisit,
  links: { source: AccountLink; destination: AccountLink }[],
): Promise<string> {
  const [first] = links as [(typeof links)[number]];
  const request = {
    personId,
    destinationLinkId: first.destination.id,
    purpose: PURPOSES[0].iri,
    recurrence: null,
    expires: new Date(ports.clock.now().getTime() + DAYS_TO_DELIVER * 86_400_000).toISOString().slice(0, 10),
    retention: null,
    language: tongue.lang,
  };
  if (links.length > 1)
    return `/me/journeys/${(await startJourney(ports, { ...request, sourceLinkIds: links.map(({ source }) => source.id) })).id}`;
  const one = { ...request, sourceLinkId: first.source.id, action: "copy", datasets: [], requester: null } as const;
  return `/permissions/${(await requestConsent(ports, { ...one, datasets: [] })).id}/decide`;
}

/** One choice for each source that was ticked, each of them once. */
function chosenCopies(visit: PersonVisit, places: Places): Choice[] | { errors: FieldError[] } {
  const first = chosenPlaces(visit, places, { source: "copy.error.source", destination: "copy.error.destination" });
  if ("errors" in first) return first;
  const participants = places.entries.map(({ participant }) => participant);
  const found = visit.form.all("source").flatMap((value) => chosenOf(value, places.links, participants) ?? []);
  const sources = [...new Map(found.map((source) => [source.link?.id ?? source.participant.id, source])).values()];
  if (sources.length > MOST_SOURCES)
    return { errors: [{ field: "source", text: visit.tongue.t("copy.error.several", { count: MOST_SOURCES }) }] };
  return sources.map((source) => ({ source, destination: first.destination }));
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
type ErrorKeys = Record<"source" | "destination", `${"copy" | "switch" | "propose"}.error.${"source" | "destination"}`>;

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
export function proofFirst(
  visit: PersonVisit,
  back: "/me/copy" | "/me/switch" | "/me/propose",
  { source, destination }: Choice,
  sources: Chosen[] = [source],
): Answer {
  const missing = source.link === null ? source.participant : destination.participant;
  const nameOf = ({ link, participant }: Chosen): string => link?.id ?? participant.id;
  const query = new URLSearchParams([...sources.map((one) => ["source", nameOf(one)]), ["destination", nameOf(destination)]]);
  const next = `${pathOf(visit, back)}?${query}`;
  return { kind: "redirect", to: pathOf(visit, `/accounts/${missing.id}?${new URLSearchParams({ next })}`) };
}
