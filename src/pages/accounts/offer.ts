import { isId, type ParticipantId } from "../../core/ids.ts";
import type { AccountLink } from "../../core/person/person.ts";
import type { Reader } from "../../core/ports.ts";
import type { Role } from "../../core/register/participant.ts";
import { pageOf, placeOf } from "../../core/register/search-register.ts";
import type { Entry } from "../register/view.ts";
import type { Form, PagesPorts, PersonVisit } from "../visit.ts";

/** As many as a person can look over. Whoever has proved accounts finds these first, and the others by their name. */
const PAGE = 20;
const SIDES = ["source", "destination"] as const;
export type Side = (typeof SIDES)[number];

/** One list to choose from: a search in its own field, and the way to those behind. */
export interface Pick {
  name: string;
  /** Where this list begins and where the next one does; empty where it is the first, null where there is none. */
  at: string;
  next: string | null;
  /** False where everybody is in the list anyway: then nothing has to be searched. */
  isLong: boolean;
  /** The search found nobody. */
  isEmpty: boolean;
}

/** What a person chooses from: those with an account, those that are chosen already, and a page of each list. */
export interface Places {
  /** All of them. */
  entries: Entry[];
  /** Those of each list. */
  offered: Record<Side, Entry[]>;
  links: AccountLink[];
  picks: Record<Side, Pick>;
}

export async function readPlaces(ports: PagesPorts, { personId }: PersonVisit, form: Form, roles: Record<Side, Role>): Promise<Places> {
  const now = ports.clock.now();
  return ports.store.read(async (r) => {
    const links = await r.people.listLinks(personId);
    const chosen = SIDES.flatMap((side) => form.all(side)).filter((value) => isId("participant", value));
    const known = await entriesOf(r, [...links.map(({ participantId }) => participantId), ...chosen], now);
    const source = await readPick(r, form, { side: "source", role: roles.source, now });
    const destination = await readPick(r, form, { side: "destination", role: roles.destination, now });
    return {
      entries: once([...known, ...source.entries, ...destination.entries]),
      offered: { source: once([...known, ...source.entries]), destination: once([...known, ...destination.entries]) },
      links,
      picks: { source: source.pick, destination: destination.pick },
    };
  });
}

function once(entries: Entry[]): Entry[] {
  return [...new Map(entries.map((entry) => [entry.participant.id, entry])).values()];
}

function entriesOf(r: Reader, ids: ParticipantId[], now: Date): Promise<Entry[]> {
  const wanted = [...new Set(ids)];
  return r.registered.entries({ ids: wanted, limit: wanted.length }, now);
}

/**
 * `…Find` searches from the beginning, `…First` forgets the search, `…More` is the place behind this list, `…At` where it began and
 * `…Was` the name it was for: buttons and hidden fields of one form. Another name begins the list anew, whichever button was pressed. */
async function readPick(r: Reader, form: Form, { side, role, now }: { side: Side; role: Role; now: Date }) {
  const isFirst = form.one(`${side}First`) !== "";
  const name = isFirst ? "" : nameIn(form.one(`${side}Name`));
  const isAnew = isFirst || form.one(`${side}Find`) !== "" || name !== nameIn(form.one(`${side}Was`));
  const at = isAnew ? "" : form.one(`${side}More`) || form.one(`${side}At`);
  const after = at === "" ? undefined : placeOf(at);
  const filter = { role, isChecked: true as const, ...(name === "" ? {} : { name }) };
  const { entries, next } = pageOf(await r.registered.entries({ ...filter, after, limit: PAGE + 1 }, now), PAGE);
  const pick: Pick = { name, at, next, isLong: next !== null || name !== "" || at !== "", isEmpty: entries.length === 0 };
  return { entries, pick };
}

/** What a person typed, as it can be looked for. */
export function nameIn(text: string): string {
  return text
    .replaceAll(/\p{Cc}/gu, " ")
    .trim()
    .slice(0, 100);
}
