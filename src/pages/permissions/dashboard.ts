import type { Consent, ConsentEnds, EndedConsents } from "../../core/consent/consent.ts";
import { pageOf, placeOf } from "../../core/consent/consent-place.ts";
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
  /** Behind which ended one the page begins; null for the first page. */
  after: string | null;
}

/** Of what ended: active ones are few, and what ended grows for years. */
const PAGE = 25;

export async function permissions(ports: PagesPorts, { tongue, personId, query }: PersonVisit): Promise<Answer> {
  const now = ports.clock.now();
  const filter = filterOf(query);
  const mine = await ports.store.read(async (r) => ({
    open: await r.consents.open(personId, now),
    ended: await r.consents.ended({
      personId,
      now,
      ...endsIn(filter),
      after: filter.after === null ? null : placeOf(filter.after),
      limit: PAGE + 1,
    }),
    ends: await r.consents.ends(personId),
    transfers: await r.transfers.list(personId),
  }));
  const model = viewOfDashboard(tongue, { ...mine, filter, stopped: query.one("stopped"), now });
  return { kind: "page", template: "permissions", title: tongue.t("permissions.title"), model };
}

function filterOf(query: Form): Filter {
  const state = query.one("state");
  return {
    from: query.one("from") || null,
    to: query.one("to") || null,
    state: state === "active" || state === "ended" ? state : null,
    after: query.one("after") || null,
  };
}

/** An address that somebody wrote finds nothing, as one that exists and is not the person's. */
function endsIn({ from, to }: Filter): Pick<EndedConsents, "sourceId" | "destinationId"> {
  return { sourceId: from as ParticipantId | null, destinationId: to as ParticipantId | null };
}

interface Mine {
  open: Consent[];
  /** One more than the page shows. */
  ended: Consent[];
  ends: ConsentEnds[];
  transfers: Transfer[];
  filter: Filter;
  /** How many permissions were just stopped together; empty otherwise. */
  stopped: string;
  now: Date;
}

function viewOfDashboard(tongue: Tongue, { open, ended, ends, transfers, filter, stopped, now }: Mine) {
  const { t } = tongue;
  const active = open.filter((consent) => isActive(consent, now));
  const shown = open.filter(
    ({ sourceId, destinationId }) => (filter.from ?? sourceId) === sourceId && (filter.to ?? destinationId) === destinationId,
  );
  const page = pageOf(ended, PAGE);
  const isFirst = filter.after === null;
  const rowsOf = (consents: Consent[]) => consents.map((consent) => rowOfConsent(tongue, consent, transfers, now));
  return {
    waiting: isFirst ? rowsOf(shown.filter((consent) => !isActive(consent, now))) : [],
    active: filter.state === "ended" || !isFirst ? null : rowsOf(shown.filter((consent) => isActive(consent, now))),
    ended: filter.state === "active" ? null : rowsOf(page.shown),
    nextHref: page.next && hrefOf(tongue, { ...filter, after: page.next }),
    firstHref: isFirst ? null : hrefOf(tongue, { ...filter, after: null }),
    sources: placesOf(ends, "source", filter.from),
    destinations: placesOf(ends, "destination", filter.to),
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

/** The same filters on another page. */
function hrefOf({ lang }: Tongue, filter: Filter): string {
  const kept = Object.entries(filter).filter((one): one is [string, string] => one[1] !== null);
  return kept.length === 0 ? `/${lang}/permissions` : `/${lang}/permissions?${new URLSearchParams(kept)}`;
}

type End = "source" | "destination";

function placesOf(ends: ConsentEnds[], end: End, chosen: string | null) {
  return namesAt(ends, end).map(([value, text]) => ({ value, text, isChosen: value === chosen }));
}

/** As the notices name them, by name. */
function namesAt(ends: ConsentEnds[], end: End): [ParticipantId, string][] {
  const named = new Map(ends.map((one) => [one[end].id, one[end].name]));
  return [...named].toSorted((a, b) => a[1].localeCompare(b[1]));
}

function endsOf({ sourceId, destinationId, notice }: Consent): ConsentEnds {
  return { source: { id: sourceId, name: notice.source.name }, destination: { id: destinationId, name: notice.destination.name } };
}

/** One way out for everything that one place sends or receives. */
function stopAllLinks({ t, lang }: Tongue, active: Consent[]) {
  const link = (way: "from" | "to", [id, name]: [ParticipantId, string]) => ({
    text: t(`permissions.stopAll.${way}`, { name }),
    href: `/${lang}/permissions/stop?${new URLSearchParams({ [way]: id })}`,
  });
  if (active.length < 2) return [];
  return [
    ...namesAt(active.map(endsOf), "source").map((one) => link("from", one)),
    ...namesAt(active.map(endsOf), "destination").map((one) => link("to", one)),
  ];
}
