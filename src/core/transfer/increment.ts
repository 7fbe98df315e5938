import { RelaisError } from "../errors.ts";
import type { ChangesPage, DatasetCount, Position, Source, SourceItem, SourcePage } from "./adapter.ts";
import { itemName } from "./adapter.ts";
import type { Attempt } from "./attempt.ts";
import type { Known, Stand, Start } from "./increment-records.ts";
import type { Deletion, Manifest, OmissionReason } from "./manifest.ts";
import { copyKey } from "../conversion/conversions.ts";
import type { NewEvent } from "./transfer-records.ts";
import type { RunPorts } from "./run-ports.ts";

/** Left behind for these, an item is asked for again by the next delivery. For the others it has to change first: then its source lists it by itself. */
export const PASSING = {
  not_available: true,
  refused_by_source: true,
  refused_by_destination: true,
  too_large: true,
  changed: true,
  lost: true,
  stopped: true,
  not_fetched: true,
  fetched_in_part: true,
  unsafe_name: false,
  unsupported: false,
  not_plausible: false,
  proof_needed: false,
  not_changeable: false,
  out_of_date: false,
} as const satisfies Record<OmissionReason, boolean>;

const PASSING_REASONS = (Object.keys(PASSING) as OmissionReason[]).filter((reason) => PASSING[reason]);

/** More than this is not asked for one by one: all of its data set is brought again. */
const MOST_OWED = 1000;
/** What is said to be gone is held in memory until the manifest is signed. */
const MOST_GONE = 100_000;
/** Taken off the time from which a source without positions is asked: its `modified` may be a date alone, in its own zone, and its clock may be wrong. */
const OVERLAP_MILLISECONDS = 48 * 3_600_000;

/** What a delivery brings of a recurring permission: what is new since the last one that was proved, or everything where none was. */
export interface Increment {
  /** Lists as any source does, and what is new alone where it can. */
  source: Source;
  /** Everything of this data set is listed, whatever was brought before. */
  isFull(dataset: string): boolean;
  /** What the manifest says beside its items, and where the data sets stand then. To be asked when everything is listed. */
  settle(contents: Pick<Manifest, "items" | "omissions">): Settled;
}

export interface Settled {
  deletions: Deletion[];
  stands: Stand[];
  /** Lines of the timeline. */
  events: NewEvent[];
}

type IncrementPorts = Pick<RunPorts, "store" | "clock">;

/** Of everything else than a recurring copy from a source that tells changes, nothing is kept, and everything is listed. */
export async function openIncrement(ports: IncrementPorts, attempt: Attempt, source: Source): Promise<Increment> {
  const { consent } = attempt.standing;
  const { changes } = source;
  if (changes === undefined || consent.action !== "copy" || consent.notice.recurrence === null)
    return { source, isFull: () => true, settle: () => ({ deletions: [], stands: [], events: [] }) };
  const starts = await ports.store.read((r) => r.increments.starts(consent.id, { passing: PASSING_REASONS, mostOwed: MOST_OWED }));
  const byDataset = new Map(starts.map((start) => [start.dataset, start]));
  const listings = new Map(attempt.transfer.datasets.map((dataset) => [dataset, listingOf(dataset, byDataset.get(dataset), ports)]));
  const asking: Asking = { ports, attempt, inner: source, changes: changes.bind(source), listings };
  return {
    source: {
      ...source,
      inventory: () => inventory(asking),
      list: (dataset, cursor) => list(asking, listings.get(dataset) as Listing, cursor),
      [Symbol.asyncDispose]: async () => undefined,
    },
    isFull: (dataset) => listings.get(dataset)?.from === null,
    settle: (contents) => settle([...listings.values()], contents),
  };
}

interface Asking {
  ports: IncrementPorts;
  attempt: Attempt;
  inner: Source;
  changes: NonNullable<Source["changes"]>;
  listings: Map<string, Listing>;
}

/** What this attempt knows of one data set. */
interface Listing {
  dataset: string;
  /** Null: everything is asked for. */
  from: Position | null;
  /** When the list was begun that `from` stands for; null where there is none. */
  since: Date | null;
  at: Date;
  /** The first that the source named: what changes while it lists is listed again the next time. */
  position: string | null;
  owed: Start["owed"] & object;
  gone: Set<string>;
  /** Copies that were brought of what is listed now, each with the key of its original. */
  copies: Map<string, string>;
  /** As the source counted all of it; null where it was not asked, or cannot. */
  counted: number | null;
  listed: number;
  /** Read ahead to count it, and all of what is new. */
  ahead: ChangesPage | null;
}

function listingOf(dataset: string, start: Start | undefined, { clock }: Pick<RunPorts, "clock">): Listing {
  // Owing too much to ask for it one by one, the list begins where the last one did not: at its start.
  const from = start === undefined || start.owed === null ? null : start.from;
  const blank = { position: null, gone: new Set<string>(), copies: new Map<string, string>(), counted: null, listed: 0, ahead: null };
  return { dataset, from, since: start?.at ?? null, at: clock.now(), owed: start?.owed ?? [], ...blank };
}

/** Counts before anything moves: what is new is counted where one page holds it, what is listed in full as the source counts it. */
async function inventory(asking: Asking): Promise<DatasetCount[]> {
  const listings = [...asking.listings.values()];
  const counts: DatasetCount[] = [];
  const forgotten: Listing[] = [];
  for (const listing of listings.filter(({ from }) => from !== null)) {
    const page = await changesOf(asking, listing, null);
    if (page === null) forgotten.push(listing);
    else counts.push(countOf(listing, page));
    // What one page does not hold is listed again, page by page: memory holds one of them.
    if (page?.next === null) listing.ahead = page;
  }
  for (const listing of forgotten) Object.assign(listing, { from: null, owed: [] });
  if (forgotten.length > 0)
    asking.attempt.intend({ events: [{ kind: "position_unknown", actor: "holder", details: { datasets: forgotten.length } }] });
  if (listings.every(({ from }) => from !== null)) tellChanges(asking);
  return listings.some(({ from }) => from === null) ? [...counts, ...(await fullCounts(asking))] : counts;
}

async function fullCounts({ inner, listings }: Asking): Promise<DatasetCount[]> {
  const asked = [...listings.values()].filter(({ from }) => from === null).map(({ dataset }) => dataset);
  const full = (await inner.inventory(asked)).filter(({ dataset }) => asked.includes(dataset));
  for (const { dataset, items } of full) (listings.get(dataset) as Listing).counted = items;
  return full;
}

function countOf({ dataset }: Listing, { items, omissions, next }: ChangesPage): DatasetCount {
  if (next !== null) return { dataset, items: null, bytes: null };
  const sizes = items.map(({ bytes }) => bytes);
  const isSized = (all: (number | null)[]): all is number[] => !all.includes(null);
  return { dataset, items: items.length + omissions.length, bytes: isSized(sizes) ? sizes.reduce((sum, size) => sum + size, 0) : null };
}

function list(asking: Asking, listing: Listing, cursor: string | null): Promise<SourcePage> {
  return listing.from === null ? fullPage(asking, listing, cursor) : nextChanges(asking, listing, cursor);
}

async function fullPage({ inner }: Asking, listing: Listing, cursor: string | null): Promise<SourcePage> {
  const page = await inner.list(listing.dataset, cursor);
  listing.position ??= page.position ?? null;
  listing.listed += page.items.length + page.omissions.length;
  return page;
}

async function nextChanges(asking: Asking, listing: Listing, cursor: string | null): Promise<SourcePage> {
  const { ahead } = listing;
  listing.ahead = null;
  if (cursor === null && ahead !== null) return ahead;
  const page = await changesOf(asking, listing, cursor);
  if (page !== null) return page;
  throw new RelaisError("peer_unavailable", "The source lost its place in its list of changes. Relais begins that list again.", {
    actor: "holder",
  });
}

/** One page of what is new, without what is proved already; with its last one comes what an earlier delivery left behind. */
async function changesOf(asking: Asking, listing: Listing, cursor: string | null): Promise<ChangesPage | null> {
  const { attempt, changes } = asking;
  if (cursor === null) begin(listing, asking.ports);
  await attempt.mayMoveData();
  const page = await changes(listing.dataset, listing.from as Position, cursor);
  if (page === null) return null;
  listing.position ??= page.position ?? null;
  const known = await knownOf(asking, listing, page);
  const items = page.items.filter((item) => item.sha256 === null || known.get(item.key)?.sha256 !== item.sha256);
  for (const { key } of page.items) listing.gone.delete(key);
  const given = (key: string): boolean => known.get(key)?.isGiven === true;
  for (const key of page.gone) for (const one of [key, ...copiesOf(attempt, key)]) if (given(one)) listing.gone.add(one);
  for (const { key } of page.items) for (const copy of copiesOf(attempt, key).filter(given)) listing.copies.set(copy, key);
  if (listing.gone.size > MOST_GONE) throw tooMuchGone();
  listing.owed = withoutNamed(listing.owed, page);
  const all = page.next === null ? [...items, ...listing.owed.map((one) => owedItem(listing.dataset, one))] : items;
  listing.listed += all.length + page.omissions.length;
  return { ...page, items: all };
}

/** A list that is begun again counts from nothing. */
function begin(listing: Listing, { clock }: IncrementPorts): void {
  Object.assign(listing, { at: clock.now(), position: null, gone: new Set<string>(), copies: new Map(), listed: 0 });
}

async function knownOf({ ports, attempt }: Asking, { dataset }: Listing, { items, gone }: ChangesPage): Promise<Map<string, Known>> {
  const listed = [...items.map(({ key }) => key), ...gone];
  const keys = listed.flatMap((key) => [key, ...copiesOf(attempt, key)]);
  const of = { consentId: attempt.standing.consent.id, dataset };
  return keys.length === 0 ? new Map() : ports.store.read((r) => r.increments.known(of, keys));
}

/** Names of what lies beside an item where the person wants copies. */
function copiesOf({ standing }: Attempt, key: string): string[] {
  return standing.consent.forms.map((form) => copyKey(key, form));
}

function withoutNamed(owed: Listing["owed"], { items, gone }: ChangesPage): Listing["owed"] {
  if (owed.length === 0) return owed;
  const named = new Set([...items.map(({ key }) => key), ...gone]);
  return owed.filter(({ key }) => !named.has(key));
}

/** Its source lists it no more as new: length and digest are known when it is read. */
function owedItem(dataset: string, { key, mediaType }: { key: string; mediaType: string }): SourceItem {
  return { dataset, key, mediaType, bytes: null, sha256: null, content: null };
}

/** Says what the source answered, where it was asked for nothing else than what is new. */
function tellChanges({ attempt, listings }: Asking): void {
  const all = [...listings.values()];
  const sum = (of: (listing: Listing) => number): number => all.reduce((total, one) => total + of(one), 0);
  const isWhole = all.every(({ ahead }) => ahead !== null);
  const counts = isWhole ? { items: sum(({ listed }) => listed), gone: sum(({ gone }) => gone.size) } : {};
  const since = Math.min(...all.map((one) => (one.since as Date).getTime()));
  attempt.intend({ events: [{ kind: "changes_listed", actor: "holder", details: { since: new Date(since).toISOString(), ...counts } }] });
}

/**
 * An item and its deletion never go in one delivery: the item stands, and its data set is asked for again from the earlier place. The same where the source
 * counted more than it listed.
 */
function settle(listings: Listing[], { items }: Pick<Manifest, "items">): Settled {
  const sent = new Set(items.map(itemName));
  const isTorn = ({ dataset, gone }: Listing): boolean => [...gone].some((key) => sent.has(itemName({ dataset, key })));
  const isShort = ({ counted, listed }: Listing): boolean => counted !== null && listed < counted;
  return {
    deletions: listings.flatMap((listing) =>
      [...listing.gone, ...outdated(listing, sent)]
        .map((key) => ({ dataset: listing.dataset, key }))
        .filter((one) => !sent.has(itemName(one))),
    ),
    events: [],
    stands: listings.filter((one) => !isTorn(one) && !isShort(one)).map(standOf),
  };
}

/** A copy of what its original was: that one goes anew, and has such a form no more. */
function outdated({ dataset, copies }: Listing, sent: ReadonlySet<string>): string[] {
  return [...copies].flatMap(([copy, key]) => (sent.has(itemName({ dataset, key })) ? [copy] : []));
}

function standOf({ dataset, position, at }: Listing): Stand {
  if (position !== null) return { dataset, kind: "position", value: position, at };
  return { dataset, kind: "since", value: new Date(at.getTime() - OVERLAP_MILLISECONDS).toISOString(), at };
}

function tooMuchGone(): RelaisError {
  return new RelaisError("too_large", `The source says of more than ${MOST_GONE} items that they are gone. Ask for everything anew.`, {
    actor: "holder",
  });
}
