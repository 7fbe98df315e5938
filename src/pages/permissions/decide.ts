import { stateAt, type Consent } from "../../core/consent/consent.ts";
import { grantConsent, ownConsent, refuseConsent, refusedBefore } from "../../core/consent/decide-consent.ts";
import { versionFor } from "../../core/consent/notice-text.ts";
import { RelaisError } from "../../core/errors.ts";
import { asId, type ParticipantId } from "../../core/ids.ts";
import type { Reader } from "../../core/ports.ts";
import { startSwitch } from "../../core/switch/start-switch.ts";
import { maskedAccount } from "../accounts/view.ts";
import { journeyPath } from "../journey/journey.ts";
import type { Entry } from "../register/view.ts";
import { pathOf, type Answer, type FieldError, type PagesPorts, type PersonVisit } from "../visit.ts";
import { viewOfDecision, type Screen } from "./decision-view.ts";
import { startCopy } from "./start.ts";

/** A request has an address of its own: who leaves it finds it there again, or among the permissions, until its last day. */
export async function showConsent(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const consent = await ports.store.read((r) => ownConsent(r, asId("consent", visit.params["id"]), visit.personId));
  const state = stateAt(consent, ports.clock.now());
  const next = state === "expired" ? null : interactionPath(visit.query.one("next"));
  if (state !== "requested") return { kind: "redirect", to: next ?? pathOf(visit, `/permissions/${consent.id}`) };
  return decisionPage(ports, visit, consent, { errors: [], ticked: heldAlready(consent) });
}

/** A change is the one place where something may be ticked beforehand: what the person allows already. */
function heldAlready({ notice: { before } }: Consent): Screen["ticked"] {
  return { datasets: before?.datasets.map(({ id }) => id) ?? [], forms: before?.forms ?? [], acts: [] };
}

interface Shown {
  errors: FieldError[];
  ticked: Screen["ticked"];
}

async function decisionPage(ports: PagesPorts, visit: PersonVisit, consent: Consent, { errors, ticked }: Shown): Promise<Answer> {
  const { tongue, query, form } = visit;
  const now = ports.clock.now();
  const next = interactionPath(query.one("next")) ?? interactionPath(form.one("next")) ?? "";
  const { text, ...beside } = await ports.store.read((r) => besideNotice(r, visit, consent, now));
  if (text === null) return unreadable(visit, consent, next);
  const model = viewOfDecision(tongue, consent, { ...beside, sections: text.sections, ticked, now });
  return {
    kind: "page",
    template: "decide",
    title: model.title,
    model: { ...model, errors, wrong: Object.fromEntries(errors.map(({ field, text: said }) => [field, said])), next },
    status: errors.length > 0 ? 422 : 200,
    withoutNavigation: true,
  };
}

async function besideNotice(r: Reader, { tongue }: PersonVisit, consent: Consent, now: Date) {
  const version = versionFor(consent.notice, tongue.lang);
  return {
    requester: consent.requesterId && (await entryOf(r, consent.requesterId)),
    source: await entryOf(r, consent.sourceId),
    destination: await entryOf(r, consent.destinationId),
    account: maskedAccount(await r.people.getLink(consent.sourceLinkId)),
    refusedAt: await refusedBefore(r, consent, now),
    text: version === null ? null : await r.noticeTexts.find(version, tongue.lang),
  };
}

async function entryOf(r: Reader, id: ParticipantId): Promise<Entry> {
  return { participant: await r.participants.get(id), mark: await r.participants.findMark(id) };
}

/** The request with the text that it was made with, and what the person said to it; later texts change nothing of it. */
export async function showNotice(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue } = visit;
  const now = ports.clock.now();
  const { consent, text, ...beside } = await ports.store.read(async (r) => {
    const found = await ownConsent(r, asId("consent", visit.params["id"]), visit.personId);
    return { consent: found, ...(await besideNotice(r, visit, found, now)) };
  });
  if (text === null) return unreadable(visit, consent, "");
  const said = consent.datasets.length > 0 ? ["mandate", "consent"] : [];
  const ticked = { datasets: consent.datasets, forms: consent.forms, acts: said };
  const shown = viewOfDecision(tongue, consent, { ...beside, sections: text.sections, ticked, now });
  const model = { ...shown, screenTitle: shown.title, isPreview: true, isPast: true, errors: [], wrong: {} };
  return { kind: "page", template: "notice-seen", title: tongue.t("notice.title"), model };
}

/** Nobody consents to what they cannot read: the request waits, and the other language leads on. */
function unreadable({ tongue }: PersonVisit, { id }: Consent, next: string): Answer {
  const other = tongue.lang === "fr" ? "en" : "fr";
  const query = next === "" ? "" : `?${new URLSearchParams({ next })}`;
  const model = { otherHref: `/${other}/permissions/${id}/decide${query}`, other };
  return { kind: "page", template: "decide-unreadable", title: tongue.t("decide.unreadable.title"), model, withoutNavigation: true };
}

/** The answer of the person. Whoever asked is answered through the authorization server, which waits at `next`. */
export async function answerConsent(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { form, personId } = visit;
  const consentId = asId("consent", visit.params["id"]);
  const next = interactionPath(form.one("next"));
  if (answerIn(visit) === "refuse") {
    const refused = await refuseConsent(ports, { consentId, personId });
    return { kind: "redirect", to: next ?? journeyPath(visit, refused) ?? pathOf(visit, afterRefusal(refused)) };
  }
  const errors = missingIn(visit, await ports.store.read((r) => ownConsent(r, consentId, personId)));
  if (errors.length > 0) return askAgain(ports, visit, errors);
  const consent = await grantConsent(ports, {
    consentId,
    personId,
    datasets: form.all("datasets"),
    forms: form.all("forms"),
    acts: actsIn(visit),
    noticeHash: form.one("notice"),
    language: visit.tongue.lang,
    mandatary: { name: ports.operator?.name ?? "Relais", entityId: ports.issuer },
  });
  if (next !== null) return { kind: "redirect", to: next };
  const begun = await begin(ports, visit, consent);
  return { kind: "redirect", to: journeyPath(visit, consent) ?? begun };
}

/** A no among several answers is a no; a yes is one yes, and nothing else is one. */
function answerIn({ form }: PersonVisit): "accept" | "refuse" {
  const answers = form.all("answer");
  if (answers.includes("refuse")) return "refuse";
  if (answers.length === 1 && answers[0] === "accept") return "accept";
  throw new RelaisError("invalid", "Choose one of the two answers. Nothing was allowed.", { actor: "person" });
}

/** What was to be changed and was not is still there. */
function afterRefusal({ id, supersedes }: Consent): string {
  return supersedes === null ? `/permissions/${id}?news=refused` : `/permissions/${supersedes}?news=kept`;
}

const ACT_FIELDS = ["mandate", "consent"] as const;

function actsIn({ form }: PersonVisit): (typeof ACT_FIELDS)[number][] {
  return ACT_FIELDS.filter((act) => form.one(act) === "yes");
}

function missingIn(visit: PersonVisit, { action }: Consent): FieldError[] {
  const { form, tongue } = visit;
  const said = actsIn(visit);
  const needed = action === "erase" ? ["mandate" as const] : ACT_FIELDS;
  return [
    ...(form.all("datasets").length === 0 ? [{ field: "datasets", text: tongue.t("decide.error.nothing") }] : []),
    ...needed.filter((act) => !said.includes(act)).map((act) => ({ field: act, text: tongue.t(`decide.error.${act}`) })),
  ];
}

async function askAgain(ports: PagesPorts, visit: PersonVisit, errors: FieldError[]): Promise<Answer> {
  const consent = await ports.store.read((r) => ownConsent(r, asId("consent", visit.params["id"]), visit.personId));
  if (stateAt(consent, ports.clock.now()) !== "requested") return { kind: "redirect", to: pathOf(visit, `/permissions/${consent.id}`) };
  return decisionPage(ports, visit, consent, {
    errors,
    ticked: { datasets: visit.form.all("datasets"), forms: visit.form.all("forms"), acts: actsIn(visit) },
  });
}

/** What a person began at Relais starts with their yes; what a participant asked for starts at its own call, and what was changed at the person's. */
async function begin(ports: PagesPorts, visit: PersonVisit, consent: Consent): Promise<string> {
  const { personId } = visit;
  if (consent.state === "suspended") return pathOf(visit, `/permissions/${consent.id}?news=waiting`);
  if (consent.supersedes !== null) return pathOf(visit, `/permissions/${consent.id}?news=changed`);
  if (consent.requesterId !== null || consent.action === "erase") return pathOf(visit, `/permissions/${consent.id}?news=accepted`);
  if (consent.switchId !== null) {
    await startSwitch(ports, { switchId: consent.switchId, consentId: consent.id, personId });
    return pathOf(visit, `/me/switch/${consent.switchId}`);
  }
  return startCopy(ports, visit, consent.id, { earlier: 0 });
}

/** The only place that an answer goes on to: the authorization request that waits for it. */
function interactionPath(text: string): string | null {
  return /^\/interaction\/[\w-]{1,100}\/finish$/.test(text) ? text : null;
}
