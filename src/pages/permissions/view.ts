import { stateAt, type Consent, type ConsentState } from "../../core/consent/consent.ts";
import type { Participant } from "../../core/register/participant.ts";
import { isTerminal, type Transfer } from "../../core/transfer/transfer.ts";
import type { ConsentId } from "../../core/ids.ts";
import { namesOf } from "../register/view.ts";
import type { Tongue } from "../tongue.ts";
import { rowOfTransfer } from "../transfers/view.ts";
import { factsOf, formsOf, lastDayOf } from "./facts.ts";

export const TAGS = {
  requested: "govuk-tag--yellow",
  active: "govuk-tag--green",
  suspended: "govuk-tag--orange",
  withdrawn: "govuk-tag--grey",
  revoked: "govuk-tag--red",
  refused: "govuk-tag--grey",
  expired: "govuk-tag--grey",
  superseded: "govuk-tag--grey",
} as const satisfies Record<ConsentState, string>;

export function isActive(consent: Consent, now: Date): boolean {
  const state = stateAt(consent, now);
  return state === "active" || state === "suspended";
}

/** A copy that the person began here: a switch is started from its own page, and a participant that asked calls by itself. */
export function startsAtRelais(consent: Consent): boolean {
  return consent.action !== "erase" && consent.requesterId === null && consent.switchId === null;
}

/** A single delivery that was made: the permission lets nothing more go (core/transfer/request-transfer.ts). */
function isDelivered(consent: Consent, transfers: Transfer[]): boolean {
  return (
    consent.notice.recurrence === null && transfers.some((transfer) => transfer.consentId === consent.id && transfer.state === "verified")
  );
}

/** Nothing under way, and nothing delivered yet: it never began, or was stopped, or broke off. */
function mayStart(consent: Consent, own: Transfer[], now: Date): boolean {
  const isOpen = stateAt(consent, now) === "active" && startsAtRelais(consent);
  return isOpen && own.every((transfer) => isTerminal(transfer.state)) && !isDelivered(consent, own);
}

/** `transfers`: at least those under this consent. */
export function rowOfConsent(tongue: Tongue, consent: Consent, transfers: Transfer[], now: Date) {
  const { t, lang } = tongue;
  const state = stateAt(consent, now);
  const isDone = state === "active" && isDelivered(consent, transfers);
  return {
    id: consent.id,
    title: t("permission.fromTo", { source: consent.notice.source.name, destination: consent.notice.destination.name }),
    datasets: t("permission.count", { count: consent.datasets.length || consent.notice.datasets.length }),
    state: isDone
      ? { text: t("consent.state.delivered"), classes: "govuk-tag--teal" }
      : { text: t(`consent.state.${state}`), classes: TAGS[state] },
    sentence: t(`consent.sentence.${isDone ? "delivered" : state}`),
    until: isActive(consent, now) ? t("permission.until", { date: lastDayOf(tongue, consent.notice) }) : null,
    href: state === "requested" ? `/${lang}/permissions/${consent.id}/decide` : `/${lang}/permissions/${consent.id}`,
  };
}

/** Permissions before and after this one. */
export interface Neighbours {
  before: ConsentId | null;
  after: ConsentId | null;
  proposal: ConsentId | null;
}

const ALONE: Neighbours = { before: null, after: null, proposal: null };

interface Detail {
  transfers: Transfer[];
  neighbours?: Neighbours;
  /** When the next one begins by itself; null or left out where none does. */
  due?: Date | null;
  /** What the last one brought, in words; null where there is none, or where it brought everything. */
  brought?: string | null;
  participants: Participant[];
  now: Date;
}

export function viewOfPermission(
  tongue: Tongue,
  consent: Consent,
  { transfers, participants, neighbours = ALONE, due = null, brought = null, now }: Detail,
) {
  const { lang } = tongue;
  const pathOfConsent = (id: ConsentId | null, step = "") => id && `/${lang}/permissions/${id}${step}`;
  const allowed = new Set(consent.datasets);
  const names = namesOf(participants);
  const own = transfers.filter((transfer) => transfer.consentId === consent.id);
  return {
    ...rowOfConsent(tongue, consent, transfers, now),
    startHref: mayStart(consent, own, now) ? `/${lang}/permissions/${consent.id}/start` : null,
    isFirst: own.length === 0,
    isIncremental: consent.notice.recurrence !== null && own.some(({ state }) => state === "verified" || state === "partial"),
    canStop: isActive(consent, now),
    stopHref: `/${lang}/permissions/${consent.id}/stop`,
    changeHref: mayChange(consent, now) ? `/${lang}/permissions/${consent.id}/change` : null,
    renewHref: mayChange(consent, now) ? `/${lang}/permissions/${consent.id}/renew` : null,
    problemHref: `/${lang}/permissions/${consent.id}/problem`,
    beforeHref: pathOfConsent(neighbours.before),
    afterHref: pathOfConsent(neighbours.after),
    proposalHref: pathOfConsent(neighbours.proposal, "/decide"),
    ...deliveriesOf(tongue, consent, own, { due, brought, now }),
    allowed: consent.notice.datasets.filter(({ id }) => allowed.has(id)).map(({ title }) => title[lang]),
    refused: consent.notice.datasets.filter(({ id }) => consent.state !== "requested" && !allowed.has(id)).map(({ title }) => title[lang]),
    ...factsOf(tongue, consent.notice),
    forms: mayHaveForms(consent) ? formsOf(tongue, consent.forms) : null,
    lines: timelineOf(tongue, consent, now),
    transfers: own.map((transfer) => rowOfTransfer(tongue, transfer, names)),
    noticeHash: consent.noticeHash,
    noticeVersion: consent.notice.version,
  };
}

/** Where it was not offered, nothing is said of it. */
function mayHaveForms({ notice, state }: Consent): boolean {
  return notice.forms !== undefined && state !== "requested" && state !== "refused";
}

/** A switch is followed from its own page. */
function mayChange(consent: Consent, now: Date): boolean {
  return isActive(consent, now) && consent.action === "copy" && consent.switchId === null;
}

/** When data went last, and what makes it go next. `own`: newest first. */
function deliveriesOf(
  tongue: Tongue,
  consent: Consent,
  own: Transfer[],
  { due, brought, now }: { due: Date | null; brought: string | null; now: Date },
) {
  const { t, moment } = tongue;
  const [last] = own;
  const values = last && { at: moment(last.createdAt), state: t(`transfer.state.${last.state}`) };
  return {
    last: values
      ? brought === null
        ? t("permission.lastAt", values)
        : t("increment.last", { ...values, brought })
      : t("permission.lastNone"),
    next: nextOf(tongue, consent, own, { due, now }),
  };
}

/** The first delivery is asked for; those of a rhythm come by themselves (core/transfer/accept-due.ts). */
function nextOf({ t, date }: Tongue, consent: Consent, own: Transfer[], { due, now }: { due: Date | null; now: Date }): string {
  const [last] = own;
  if (last !== undefined && !isTerminal(last.state)) return t("permission.next.running");
  if (stateAt(consent, now) !== "active" || isDelivered(consent, own) || consent.action !== "copy") return t("permission.next.none");
  const whose = consent.requesterId === null ? "yours" : "theirs";
  const name = consent.notice.requester?.name ?? "";
  if (due === null || due >= consent.expiresAt) return t(`permission.next.${whose}`, { name });
  const values = { date: date(due < now ? now : due), name };
  return whose === "yours" ? t("permission.next.dueYours", values) : t("permission.next.dueTheirs", values);
}

function timelineOf({ t, moment }: Tongue, consent: Consent, now: Date) {
  const who = consent.notice.requester?.name ?? t("actor.person");
  const lines = [{ at: consent.createdAt, what: t("consent.event.requested"), who }];
  if (consent.decidedAt)
    lines.push({
      at: consent.decidedAt,
      what: t(consent.state === "refused" ? "consent.event.refused" : "consent.event.granted"),
      who: t("actor.person"),
    });
  const state = stateAt(consent, now);
  if (state === "withdrawn" || state === "revoked" || state === "expired" || state === "superseded") {
    lines.push({
      at: consent.endedAt ?? consent.expiresAt,
      what: t(`consent.event.${state}`),
      who: t(`actor.${consent.endedBy ?? "relais"}`),
    });
  }
  return lines.map(({ at, what, who: actor }) => ({ what, who: actor, at: moment(at), iso: at.toISOString() }));
}

export function viewOfStop(tongue: Tongue, consent: Consent, running: number) {
  const { notice } = consent;
  return {
    id: consent.id,
    title: tongue.t("permission.fromTo", { source: notice.source.name, destination: notice.destination.name }),
    source: notice.source.name,
    destination: notice.destination.name,
    running,
    contact: notice.destination.privacyContact,
    keepHref: `/${tongue.lang}/permissions/${consent.id}`,
  };
}
