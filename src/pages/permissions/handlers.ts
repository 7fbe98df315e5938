import type { Consent } from "../../core/consent/consent.ts";
import { grantConsent, ownConsent, refuseConsent } from "../../core/consent/decide-consent.ts";
import { withdrawConsent } from "../../core/consent/withdraw-consent.ts";
import { RelaisError } from "../../core/errors.ts";
import { asId, type ConsentId, type ParticipantId } from "../../core/ids.ts";
import type { Reader } from "../../core/ports.ts";
import { startSwitch } from "../../core/switch/start-switch.ts";
import { requestTransfer } from "../../core/transfer/request-transfer.ts";
import { isTerminal } from "../../core/transfer/transfer.ts";
import { journeyPath } from "../journey/journey.ts";
import { restingSentence, viewOfParties } from "../journey/shared-view.ts";
import type { Entry } from "../register/view.ts";
import { endsOf } from "../transfers/handlers.ts";
import { pathOf, type Answer, type FieldError, type Form, type PagesPorts, type PersonVisit } from "../visit.ts";
import { readTold, viewOfTold } from "../life/told.ts";
import { isActive, rowOfConsent, startsAtRelais, stateOf, viewOfDecision, viewOfPermission, viewOfStop } from "./view.ts";

export async function permissions(ports: PagesPorts, { tongue, personId }: PersonVisit): Promise<Answer> {
  const now = ports.clock.now();
  const { consents, transfers } = await ports.store.read(async (r) => ({
    consents: await r.consents.list(personId),
    transfers: await r.transfers.list(personId),
  }));
  const rows = consents.map((consent) => ({
    ...rowOfConsent(tongue, consent, transfers, now),
    isWaiting: stateOf(consent, now) === "requested",
    isActive: isActive(consent, now),
  }));
  const model = {
    waiting: rows.filter((row) => row.isWaiting),
    active: rows.filter((row) => row.isActive),
    ended: rows.filter((row) => !row.isWaiting && !row.isActive),
  };
  return { kind: "page", template: "permissions", title: tongue.t("permissions.title"), model };
}

export async function permission(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue, personId, query } = visit;
  const now = ports.clock.now();
  const model = await ports.store.read(async (r) => {
    const consent = await ownConsent(r, consentIdOf(visit), personId);
    const transfers = await r.transfers.list(personId);
    const parties = await r.parties.of(consent.id);
    const told = viewOfTold(tongue, await readTold(r, personId, [consent.sourceId, consent.destinationId]));
    const participants = await r.registered.named(endsOf([consent, ...transfers]));
    const seen = viewOfPermission(tongue, consent, { transfers, participants, now });
    return {
      ...seen,
      sentence: (consent.state === "suspended" ? restingSentence(tongue, parties) : null) ?? seen.sentence,
      told,
      parties: viewOfParties(tongue, parties),
      partiesRule: parties[0]?.rule ?? "any",
      mandateHref: consent.acts === null ? null : pathOf(visit, `/permissions/${consent.id}/mandate`),
    };
  });
  const news = {
    accepted: "permission.news.accepted",
    waiting: "permission.news.waiting",
    refused: "permission.news.refused",
    stopped: "permission.news.stopped",
  } as const;
  const key = news[query.one("news") as keyof typeof news];
  return { kind: "page", template: "permission", title: model.title, model: { ...model, news: key ? tongue.t(key) : null } };
}

export async function showConsent(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const consent = await ports.store.read((r) => ownConsent(r, consentIdOf(visit), visit.personId));
  if (stateOf(consent, ports.clock.now()) !== "requested") return { kind: "redirect", to: pathOf(visit, `/permissions/${consent.id}`) };
  return decisionPage(ports, visit, consent, visit.query, []);
}

async function decisionPage(
  ports: PagesPorts,
  { tongue }: PersonVisit,
  consent: Consent,
  form: Form,
  errors: FieldError[],
): Promise<Answer> {
  const ends = await ports.store.read(async (r) => ({
    requester: consent.requesterId && (await entryOf(r, consent.requesterId)),
    source: await entryOf(r, consent.sourceId),
    destination: await entryOf(r, consent.destinationId),
  }));
  const model = viewOfDecision(tongue, consent, { ...ends, now: ports.clock.now() });
  return {
    kind: "page",
    template: "decide",
    title: model.title,
    model: { ...model, errors, next: interactionPath(form.one("next")) ?? "" },
    status: errors.length > 0 ? 422 : 200,
    withoutNavigation: true,
  };
}

async function entryOf(r: Reader, id: ParticipantId): Promise<Entry> {
  return { participant: await r.participants.get(id), mark: await r.participants.findMark(id) };
}

/** The answer of the person. Whoever asked is answered through the authorization server, which waits at `next`. */
export async function answerConsent(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { form, personId } = visit;
  const consentId = consentIdOf(visit);
  const next = interactionPath(form.one("next"));
  if (form.one("answer") === "refuse") {
    const refused = await refuseConsent(ports, { consentId, personId });
    return { kind: "redirect", to: next ?? journeyPath(visit, refused) ?? pathOf(visit, `/permissions/${consentId}?news=refused`) };
  }
  if (form.one("answer") !== "accept" || form.all("datasets").length === 0) return askToTick(ports, visit);
  const consent = await grantConsent(ports, {
    consentId,
    personId,
    datasets: form.all("datasets"),
    noticeHash: form.one("notice"),
    language: visit.tongue.lang,
    mandatary: { name: ports.operator?.name ?? "Relais", entityId: ports.issuer },
  });
  if (next !== null) return { kind: "redirect", to: next };
  const begun = await begin(ports, visit, consent);
  return { kind: "redirect", to: journeyPath(visit, consent) ?? begun };
}

async function askToTick(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const consent = await ports.store.read((r) => ownConsent(r, consentIdOf(visit), visit.personId));
  return decisionPage(ports, visit, consent, visit.form, [{ field: "datasets", text: visit.tongue.t("decide.error.nothing") }]);
}

/** What a person began at Relais starts with their yes; what a participant asked for starts at its own call. */
async function begin(ports: PagesPorts, visit: PersonVisit, consent: Consent): Promise<string> {
  const { personId } = visit;
  if (consent.state === "suspended") return pathOf(visit, `/permissions/${consent.id}?news=waiting`);
  if (consent.requesterId !== null || consent.action !== "copy") return pathOf(visit, `/permissions/${consent.id}?news=accepted`);
  if (consent.switchId !== null) {
    await startSwitch(ports, { switchId: consent.switchId, consentId: consent.id, personId });
    return pathOf(visit, `/me/switch/${consent.switchId}`);
  }
  return startCopy(ports, visit, consent.id, 0);
}

/** `earlier`: how many transfers there were when this one was wanted. A second click finds the first one's. */
async function startCopy(ports: PagesPorts, visit: PersonVisit, consentId: ConsentId, earlier: number): Promise<string> {
  const transfer = await requestTransfer(ports, { consentId, personId: visit.personId, idempotencyKey: `${consentId} ${earlier}` });
  return pathOf(visit, `/me/transfers/${transfer.id}`);
}

/** For a permission whose transfer could not be accepted when it was given, was stopped, or broke off. */
export async function startPermission(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { consent, own } = await ports.store.read(async (r) => {
    const found = await ownConsent(r, consentIdOf(visit), visit.personId);
    return { consent: found, own: (await r.transfers.list(visit.personId)).filter((transfer) => transfer.consentId === found.id) };
  });
  if (!startsAtRelais(consent)) throw new RelaisError("conflict", "This transfer is not started here.", { actor: "person" });
  const live = own.find((transfer) => !isTerminal(transfer.state));
  return { kind: "redirect", to: live ? pathOf(visit, `/me/transfers/${live.id}`) : await startCopy(ports, visit, consent.id, own.length) };
}

/** The only place that an answer goes on to: the authorization request that waits for it. */
function interactionPath(text: string): string | null {
  return /^\/interaction\/[\w-]{1,100}\/finish$/.test(text) ? text : null;
}

export async function showStop(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue, personId } = visit;
  const { consent, running } = await ports.store.read(async (r) => {
    const found = await ownConsent(r, consentIdOf(visit), personId);
    const live = (await r.transfers.list(personId)).filter((transfer) => transfer.consentId === found.id && !isTerminal(transfer.state));
    return { consent: found, running: live.length };
  });
  if (!isActive(consent, ports.clock.now())) throw new RelaisError("conflict", "This permission has already ended.", { actor: "person" });
  return { kind: "page", template: "stop", title: tongue.t("stop.title"), model: viewOfStop(tongue, consent, running) };
}

export async function stopPermission(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const consentId = consentIdOf(visit);
  await withdrawConsent(ports, { consentId, personId: visit.personId });
  return { kind: "redirect", to: pathOf(visit, `/permissions/${consentId}?news=stopped`) };
}

function consentIdOf({ params }: PersonVisit): ConsentId {
  return asId("consent", params["id"]);
}
