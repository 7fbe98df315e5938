import type { Consent } from "../../core/consent/consent.ts";
import { RelaisError } from "../../core/errors.ts";
import { asId, type SwitchId } from "../../core/ids.ts";
import type { AccountLink } from "../../core/person/person.ts";
import type { Reader } from "../../core/ports.ts";
import { closeOldPlace } from "../../core/switch/close-old-place.ts";
import { planSwitch } from "../../core/switch/plan-switch.ts";
import { startSwitch } from "../../core/switch/start-switch.ts";
import { choicesOf } from "../accounts/view.ts";
import { readPlaces, type Places } from "../accounts/offer.ts";
import { chosenPlaces, proofFirst } from "../transfers/copy.ts";
import { errorsByField, pathOf, type Answer, type FieldError, type Form, type PagesPorts, type PersonVisit } from "../visit.ts";
import { viewOfPlan, viewOfSwitch, type SwitchStory } from "./view.ts";

const ERRORS = { source: "switch.error.source", destination: "switch.error.destination" } as const;
/** From one data space to another. */
const ROLES = { source: "platform", destination: "platform" } as const;

export async function showSwitchChoice(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  return choicePage(ports, visit, await readPlaces(ports, visit, visit.query, ROLES), visit.query, []);
}

function choicePage(
  ports: PagesPorts,
  { tongue }: PersonVisit,
  { offered, links, picks }: Places,
  form: Form,
  errors: FieldError[],
): Answer {
  const offer = { links, role: "platform" as const, now: ports.clock.now() };
  const destinations = choicesOf(tongue, { ...offer, entries: offered.destination, chosen: form.one("destination") });
  const model = {
    sources: choicesOf(tongue, { ...offer, entries: offered.source, chosen: form.one("source"), isLeaving: true }),
    destinations,
    picks,
    isPossible: destinations.length > 1 || picks.source.isLong || picks.destination.isLong,
    errors,
    errorAt: errorsByField(tongue, errors),
  };
  return { kind: "page", template: "switch-choice", title: tongue.t("switch.title"), model, status: errors.length > 0 ? 422 : 200 };
}

/** Two platforms chosen: prove control of both ends, then show what moves. */
export async function chooseSwitch(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const places = await readPlaces(ports, visit, visit.form, ROLES);
  const choice = chosenPlaces(visit, places, ERRORS);
  if ("errors" in choice) return choicePage(ports, visit, places, visit.form, choice.errors);
  if (choice.source.participant.id === choice.destination.participant.id) {
    return choicePage(ports, visit, places, visit.form, [{ field: "destination", text: visit.tongue.t("switch.error.same") }]);
  }
  if (choice.source.link === null || choice.destination.link === null) return proofFirst(visit, "/me/switch", choice);
  if (!(await isPlanCurrent(ports, visit, choice.source.link)))
    return proofFirst(visit, "/me/switch", { ...choice, source: { ...choice.source, link: null } });
  const query = new URLSearchParams({ source: choice.source.link.id, destination: choice.destination.link.id });
  return { kind: "redirect", to: pathOf(visit, `/me/switch/plan?${query}`) };
}

/** How long the counts of a proof may stand for what the old place holds. */
const PLAN_MINUTES = 30;

/** The plan is what the old place held when it was proved: an old proof, or one from before the last delivery there, would leave things out. */
async function isPlanCurrent(ports: PagesPorts, { personId }: PersonVisit, { participantId, provedAt }: AccountLink): Promise<boolean> {
  if (provedAt.getTime() < ports.clock.now().getTime() - PLAN_MINUTES * 60_000) return false;
  const transfers = await ports.store.read((r) => r.transfers.list(personId));
  return !transfers.some(
    (transfer) => transfer.destinationId === participantId && transfer.endedAt !== null && transfer.endedAt > provedAt,
  );
}

export async function planOfSwitch(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const places = await readPlaces(ports, visit, visit.query, ROLES);
  const choice = chosenPlaces(visit, places, ERRORS);
  if ("errors" in choice || choice.source.link === null || choice.destination.link === null)
    return { kind: "redirect", to: pathOf(visit, "/me/switch") };
  const held = (choice.source.link.inventory ?? []).map(({ dataset }) => dataset);
  const model = viewOfPlan(visit.tongue, {
    source: choice.source,
    destination: choice.destination,
    sourceLink: choice.source.link,
    destinationLink: choice.destination.link,
    datasets: await ports.store.read((r) => r.registered.datasets(held)),
  });
  return { kind: "page", template: "switch-plan", title: visit.tongue.t("plan.title"), model };
}

export async function confirmSwitch(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { form, personId, tongue } = visit;
  const { consent } = await planSwitch(ports, {
    personId,
    sourceLinkId: asId("link", form.one("source")),
    destinationLinkId: asId("link", form.one("destination")),
    language: tongue.lang,
  });
  return { kind: "redirect", to: pathOf(visit, `/permissions/${consent.id}/decide`) };
}

export async function switchPage(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const model = viewOfSwitch(visit.tongue, await readStory(ports, visit));
  return { kind: "page", template: "switch", title: model.title, model };
}

async function readStory(ports: PagesPorts, visit: PersonVisit): Promise<SwitchStory> {
  return ports.store.read(async (r) => {
    const row = await r.switches.get(switchIdOf(visit));
    if (row.personId !== visit.personId) throw new RelaisError("not_found", "There is no switch with this id.");
    return {
      row,
      source: await r.participants.get(row.sourceId),
      destination: await r.participants.get(row.destinationId),
      consent: await copyConsentOf(r, row.id, visit.personId),
      transfer: row.transferId && (await r.transfers.get(row.transferId)),
      progress: row.transferId ? await r.transfers.progress(row.transferId) : [],
    };
  });
}

/** The newest permission to copy of this switch: while it is only planned, the row does not name it yet. */
async function copyConsentOf(r: Reader, id: SwitchId, personId: PersonVisit["personId"]): Promise<Consent | null> {
  const own = (await r.consents.list(personId)).filter((consent) => consent.switchId === id && consent.action === "copy");
  return own.reduce<Consent | null>((newest, one) => (newest === null || one.createdAt > newest.createdAt ? one : newest), null);
}

/** Copies again what did not arrive, under the same permission. */
export async function retrySwitch(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { row, consent } = await readStory(ports, visit);
  if (consent === null)
    throw new RelaisError("consent_missing", "This switch has no permission any more. Start a new one.", { actor: "person" });
  await startSwitch(ports, { switchId: row.id, consentId: consent.id, personId: visit.personId });
  return { kind: "redirect", to: pathOf(visit, `/me/switch/${row.id}`) };
}

export async function showClose(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  return closePage(ports, visit, []);
}

async function closePage(ports: PagesPorts, visit: PersonVisit, errors: FieldError[]): Promise<Answer> {
  const story = await readStory(ports, visit);
  if (story.row.state !== "verified")
    throw new RelaisError("conflict", "The old place can be closed only when everything has been verified at the new one.", {
      actor: "person",
    });
  const model = { ...viewOfSwitch(visit.tongue, story), errors };
  return {
    kind: "page",
    template: "switch-close",
    title: visit.tongue.t("close.title", { source: story.source.name }),
    model,
    status: errors.length > 0 ? 422 : 200,
  };
}

export async function closeOld(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  if (visit.form.one("confirmed") !== "yes") return closePage(ports, visit, [{ field: "confirmed", text: visit.tongue.t("close.error") }]);
  const switchId = switchIdOf(visit);
  await closeOldPlace(ports, { switchId, personId: visit.personId, confirmed: true });
  return { kind: "redirect", to: pathOf(visit, `/me/switch/${switchId}`) };
}

function switchIdOf({ params }: PersonVisit): SwitchId {
  return asId("switch", params["id"]);
}
