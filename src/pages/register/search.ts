import { ROLES } from "../../core/register/participant.ts";
import { pageOf, placeOf } from "../../core/register/search-register.ts";
import type { Tongue } from "../tongue.ts";
import { errorsByField, type Answer, type FieldError, type PagesPorts, type Visit } from "../visit.ts";
import { optionsOf, readFilter, type ReadFilter } from "./filter.ts";
import { rowOfParticipant } from "./view.ts";

const PAGE = 50;

/** The register by name, in pages. The address of a page holds the filters and where it begins, so that it can be kept and shared. */
export async function register(ports: PagesPorts, { tongue, query }: Visit): Promise<Answer> {
  const read = readFilter(tongue, query);
  const cursor = query.one("cursor");
  const after = cursor === "" ? undefined : placeOf(cursor);
  const now = ports.clock.now();
  const isWrong = read.errors.length > 0;
  const { found, countries } = await ports.store.read(async (r) => ({
    found: isWrong ? { entries: [], total: 0 } : await r.registered.counted({ ...read.filter, after, limit: PAGE + 1 }, now),
    countries: await r.registered.countries(),
  }));
  const { entries, next } = pageOf(found.entries, PAGE);
  const model = {
    rows: entries.map((entry) => rowOfParticipant(tongue, entry, now)),
    total: tongue.t("search.total", { count: found.total }),
    isFirst: after === undefined,
    nextHref: next && addressOf(tongue, { ...read.given, cursor: next }),
    ...viewOfForm(tongue, read, countries),
    ...errorsOf(tongue, read.errors),
  };
  return { kind: "page", template: "register", title: tongue.t("register.title"), model, status: isWrong ? 400 : 200 };
}

function errorsOf(tongue: Tongue, errors: FieldError[]) {
  return { errors, errorAt: errorsByField(tongue, errors) };
}

function addressOf({ lang }: Tongue, members: Record<string, string>): string {
  const search = new URLSearchParams(members);
  return `/${lang}/register${search.size > 0 ? `?${search}` : ""}`;
}

/** Roles are links, and keep the other filters; the rest is a form that is sent as an address. */
function viewOfForm(tongue: Tongue, read: ReadFilter, countries: string[]) {
  const { role, ...others } = read.given;
  const { lang, t } = tongue;
  const { name: _name, ...narrow } = others;
  return {
    filters: [null, ...ROLES].map((one) => ({
      text: one === null ? t("register.everybody") : t(`roles.${one}`),
      href: addressOf(tongue, { ...others, ...(one === null ? {} : { role: one }) }),
      isHere: one === (role ?? null),
    })),
    given: read.given,
    isNarrowed: Object.keys(narrow).length > 0,
    isFiltered: Object.keys(read.given).length > 0,
    options: optionsOf(tongue, read, countries),
    first: addressOf(tongue, read.given),
    csvHref: `/v1/participants.csv?${new URLSearchParams(read.given)}`,
    feedHref: `/${lang}/register.atom`,
  };
}
