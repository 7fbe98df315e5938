import type { Consent } from "../../core/consent/consent.ts";
import { ownConsent } from "../../core/consent/decide-consent.ts";
import { withdrawConsent } from "../../core/consent/withdraw-consent.ts";
import { RelaisError } from "../../core/errors.ts";
import { asId, type ConsentId } from "../../core/ids.ts";
import type { Reader } from "../../core/ports.ts";
import { isTerminal, type Transfer } from "../../core/transfer/transfer.ts";
import { restingSentence, viewOfParties } from "../journey/shared-view.ts";
import { readRecords, viewOfRecords } from "../receipts/records.ts";
import type { Tongue } from "../tongue.ts";
import { endsOf } from "../transfers/handlers.ts";
import { viewOfIncrement } from "../transfers/increment-view.ts";
import { pathOf, type Answer, type PagesPorts, type PersonVisit } from "../visit.ts";
import { readTold, viewOfTold } from "../life/told.ts";
import { isActive, viewOfPermission, viewOfStop, type Neighbours } from "./view.ts";

const NEWS = {
  accepted: "permission.news.accepted",
  waiting: "permission.news.waiting",
  refused: "permission.news.refused",
  stopped: "permission.news.stopped",
  changed: "permission.news.changed",
  kept: "permission.news.kept",
} as const;

export async function permission(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { tongue, personId, query } = visit;
  const now = ports.clock.now();
  const model = await ports.store.read(async (r) => {
    const consent = await ownConsent(r, consentIdOf(visit), personId);
    const transfers = await r.transfers.list(personId);
    const parties = await r.parties.of(consent.id);
    const told = viewOfTold(tongue, await readTold(r, personId, [consent.sourceId, consent.destinationId]));
    const participants = await r.registered.named(endsOf([consent, ...transfers]));
    const records = viewOfRecords(tongue, await readRecords(r, consent));
    const neighbours = await neighboursOf(r, consent);
    const due = await r.rhythms.nextDue(consent.id);
    const brought = await broughtLast(r, tongue, { consent, transfers });
    const seen = viewOfPermission(tongue, consent, { transfers, participants, neighbours, due, brought, now });
    return {
      ...seen,
      ...records,
      sentence: (consent.state === "suspended" ? restingSentence(tongue, parties) : null) ?? seen.sentence,
      told,
      parties: viewOfParties(tongue, parties),
      partiesRule: parties[0]?.rule ?? "any",
      mandateHref: consent.acts === null ? null : pathOf(visit, `/permissions/${consent.id}/mandate`),
    };
  });
  const key = NEWS[query.one("news") as keyof typeof NEWS];
  return { kind: "page", template: "permission", title: model.title, model: { ...model, news: key ? tongue.t(key) : null } };
}

/** `transfers`: newest first. */
async function broughtLast(
  r: Reader,
  tongue: Tongue,
  { consent, transfers }: { consent: Consent; transfers: Transfer[] },
): Promise<string | null> {
  const last = transfers.find(({ consentId }) => consentId === consent.id);
  if (last === undefined || consent.notice.recurrence === null) return null;
  const names = { source: consent.notice.source.name, destination: consent.notice.destination.name };
  const increment = viewOfIncrement(tongue, { transfer: last, events: await r.transfers.events(last.id), names });
  return increment === null ? null : increment.sentences.join(" ");
}

/** What this one replaced, what replaced it, and a change that waits for an answer. */
async function neighboursOf(r: Reader, consent: Consent): Promise<Neighbours> {
  const successors = await r.consents.successors(consent.id);
  return {
    before: consent.supersedes,
    after: successors.find(({ datasets }) => datasets.length > 0)?.id ?? null,
    proposal: successors.find(({ state }) => state === "requested")?.id ?? null,
  };
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
