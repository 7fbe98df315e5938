import type { Consent } from "../../core/consent/consent.ts";
import { longAgo } from "../../core/person/remind-people.ts";
import type { Participant } from "../../core/register/participant.ts";
import type { Switch } from "../../core/switch/switch.ts";
import { isTerminal, type Transfer } from "../../core/transfer/transfer.ts";
import { isActive, rowOfConsent } from "../permissions/view.ts";
import { namesOf } from "../register/view.ts";
import { rowOfTransfer } from "../transfers/view.ts";
import type { Tongue } from "../tongue.ts";

interface Mine {
  participants: Participant[];
  consents: Consent[];
  transfers: Transfer[];
  switches: Switch[];
  /** The visit before this one. */
  before: Date | null;
  now: Date;
}

const RECENT_DAYS = 30;

/** The person's own page: what waits for them first, then what is allowed, then what moves. */
export function viewOfMe(tongue: Tongue, mine: Mine) {
  const names = namesOf(mine.participants);
  const active = mine.consents
    .filter((consent) => isActive(consent, mine.now))
    .map((consent) => rowOfConsent(tongue, consent, mine.transfers, mine.now));
  const moving = mine.transfers.filter((transfer) => !isTerminal(transfer.state)).map((transfer) => rowOfTransfer(tongue, transfer, names));
  const toDo = [
    ...requestsOf(tongue, mine),
    ...restingOf(tongue, mine),
    ...gapsOf(tongue, mine, names),
    ...openSwitchesOf(tongue, mine, names),
  ];
  return {
    absence: absenceOf(tongue, mine),
    toDo,
    active,
    moving,
    switches: rowsOfSwitches(tongue, mine, names),
    isNew: mine.consents.length === 0 && mine.transfers.length === 0,
  };
}

/** After a long absence: what was allowed all the while, to look at or to stop. */
function absenceOf({ t, lang, date }: Tongue, { consents, before, now }: Mine) {
  if (before === null || before > longAgo(now)) return null;
  const kept = consents.filter((consent) => isActive(consent, now));
  if (kept.length === 0) return null;
  return {
    text: t("me.absence", { date: date(before), count: kept.length }),
    rows: kept.map(({ id, notice }) => ({
      title: t("permission.fromTo", { source: notice.source.name, destination: notice.destination.name }),
      review: `/${lang}/permissions/${id}`,
      stop: `/${lang}/permissions/${id}/stop`,
    })),
  };
}

function requestsOf({ t, lang }: Tongue, { consents, now }: Mine) {
  return consents
    .filter((consent) => consent.state === "requested" && consent.expiresAt > now)
    .map(({ id, notice }) => ({
      text: t("me.toDo.answer", { source: notice.source.name, destination: notice.destination.name }),
      href: `/${lang}/permissions/${id}/decide`,
    }));
}

/** A permission whose destination lost its standing: nothing goes there until it has it again, and the person is told. */
function restingOf({ t, lang }: Tongue, { consents, participants, now }: Mine) {
  const lost = new Map(participants.filter(({ status }) => status !== "accredited").map(({ id, name }) => [id, name]));
  return consents
    .filter((consent) => isActive(consent, now) && lost.has(consent.destinationId))
    .map(({ id, destinationId }) => ({
      text: t("me.toDo.resting", { destination: lost.get(destinationId) ?? "?" }),
      href: `/${lang}/permissions/${id}`,
    }));
}

function gapsOf({ t, lang }: Tongue, { transfers, now }: Mine, names: Map<string, string>) {
  const since = new Date(now.getTime() - RECENT_DAYS * 86_400_000);
  return transfers
    .filter((transfer) => (transfer.state === "partial" || transfer.state === "failed") && transfer.createdAt > since)
    .map((transfer) => ({
      text: t(transfer.state === "partial" ? "me.toDo.partial" : "me.toDo.failed", {
        source: nameOf(names, transfer.sourceId),
        destination: nameOf(names, transfer.destinationId),
      }),
      href: `/${lang}/me/transfers/${transfer.id}`,
    }));
}

/** Only what is missing asks for something; closing the old place is never urged. */
function openSwitchesOf({ t, lang }: Tongue, { switches }: Mine, names: Map<string, string>) {
  return switches
    .filter((row) => row.state === "incomplete")
    .map((row) => ({ text: t("me.toDo.switch", placesOf(row, names)), href: `/${lang}/me/switch/${row.id}` }));
}

/** A switch that is only planned is the request that waits for an answer. */
function rowsOfSwitches({ t, lang }: Tongue, { switches }: Mine, names: Map<string, string>) {
  return switches
    .filter((row) => row.state !== "planned" && row.state !== "abandoned")
    .map((row) => ({
      title: t("switch.fromTo", placesOf(row, names)),
      sentence: t(`switch.sentence.${row.state}`, placesOf(row, names)),
      href: `/${lang}/me/switch/${row.id}`,
    }));
}

function placesOf(row: Pick<Switch, "sourceId" | "destinationId">, names: Map<string, string>) {
  return { source: nameOf(names, row.sourceId), destination: nameOf(names, row.destinationId) };
}

function nameOf(names: Map<string, string>, id: string): string {
  return names.get(id) ?? "?";
}
