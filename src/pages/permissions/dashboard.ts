import { stateAt, type Consent } from "../../core/consent/consent.ts";
import type { ParticipantId } from "../../core/ids.ts";
import type { Transfer } from "../../core/transfer/transfer.ts";
import type { Tongue } from "../tongue.ts";
import type { Answer, Form, PagesPorts, PersonVisit } from "../visit.ts";
import { isActive, rowOfConsent } from "./view.ts";

/** Which of the person's permissions are looked at. Null: all. */
interface Filter {
  from: string | null;
  to: string | null;
  state: "active" | "ended" | null;
}

export async function permissions(ports: PagesPorts, { tongue, personId, query }: PersonVisit): Promise<Answer> {
  const mine = await ports.store.read(async (r) => ({
    consents: (await r.consents.list(personId)).filter((consent) => !isForgottenProposal(consent)),
    transfers: await r.transfers.list(personId),
  }));
  const model = viewOfDashboard(tongue, { ...mine, filter: filterOf(query), stopped: query.one("stopped"), now: ports.clock.now() });
  return { kind: "page", template: "permissions", title: tongue.t("permissions.title"), model };
}

/** A change that another one replaced before it was answered: nothing ever came of it. */
function isForgottenProposal({ state, datasets }: Consent): boolean {
  return state === "superseded" && datasets.length === 0;
}

function filterOf(query: Form): Filter {
  const state = query.one("state");
  return { from: query.one("from") || null, to: query.one("to") || null, state: state === "active" || state === "ended" ? state : null };
}

interface Mine {
  consents: Consent[];
  transfers: Transfer[];
  filter: Filter;
  /** How many permissions were just stopped together; empty otherwise. */
  stopped: string;
  now: Date;
}

function viewOfDashboard(tongue: Tongue, { consents, transfers, filter, stopped, now }: Mine) {
  const { t } = tongue;
  const active = consents.filter((consent) => isActive(consent, now));
  const shown = consents.filter(
    ({ sourceId, destinationId }) => (filter.from ?? sourceId) === sourceId && (filter.to ?? destinationId) === destinationId,
  );
  const rows = shown.map((consent) => ({
    ...rowOfConsent(tongue, consent, transfers, now),
    isWaiting: stateAt(consent, now) === "requested",
    isActive: isActive(consent, now),
  }));
  return {
    waiting: rows.filter((row) => row.isWaiting),
    active: filter.state === "ended" ? null : rows.filter((row) => row.isActive),
    ended: filter.state === "active" ? null : rows.filter((row) => !row.isWaiting && !row.isActive),
    sources: placesOf(consents, "source", filter.from),
    destinations: placesOf(consents, "destination", filter.to),
    states: (["active", "ended"] as const).map((value) => ({
      value,
      text: t(`permissions.only.${value}`),
      isChosen: filter.state === value,
    })),
    isFiltered: filter.from !== null || filter.to !== null || filter.state !== null,
    stopAll: stopAllLinks(tongue, active),
    news: /^\d{1,4}$/.test(stopped) ? t("permissions.stopped", { count: Number(stopped) }) : null,
  };
}

type End = "source" | "destination";

function placesOf(consents: Consent[], end: End, chosen: string | null) {
  return [...namesAt(consents, end)].map(([value, text]) => ({ value, text, isChosen: value === chosen }));
}

/** As the notices name them, by name. */
function namesAt(consents: Consent[], end: End): Map<ParticipantId, string> {
  const named = consents.map((consent) => [end === "source" ? consent.sourceId : consent.destinationId, consent.notice[end].name] as const);
  return new Map(named.toSorted((a, b) => a[1].localeCompare(b[1])));
}

/** One way out for everything that one place sends or receives. */
function stopAllLinks({ t, lang }: Tongue, active: Consent[]) {
  const link = (way: "from" | "to", [id, name]: [ParticipantId, string]) => ({
    text: t(`permissions.stopAll.${way}`, { name }),
    href: `/${lang}/permissions/stop?${new URLSearchParams({ [way]: id })}`,
  });
  if (active.length < 2) return [];
  return [
    ...[...namesAt(active, "source")].map((one) => link("from", one)),
    ...[...namesAt(active, "destination")].map((one) => link("to", one)),
  ];
}
