import { isDataSetId, KINDS } from "../../core/catalogue/data-set.ts";
import { ROLES, STATUSES } from "../../core/register/participant.ts";
import type { RegisterFilter } from "../../core/register/register-reader.ts";
import type { MessageKey, Tongue } from "../tongue.ts";
import type { FieldError, Form } from "../visit.ts";

/** The filters of the page, by the names that the API gives them: an address of one can be read by the other. */
export const FILTERS = ["role", "name", "standing", "level", "country", "kind", "dataset"] as const satisfies (keyof RegisterFilter)[];
type Name = (typeof FILTERS)[number];

const isOneOf = (values: readonly unknown[]) => (text: string) => values.includes(text);
export const LEVELS = [0, 1, 2] as const;

/** What may stand in each field, and what is said where something else does. */
// oxfmt-ignore
const RULES: Record<Name, { mayBe: (text: string) => boolean; label: MessageKey; error: MessageKey }> = {
  role:     { mayBe: isOneOf(ROLES), label: "register.role", error: "search.error.choice" },
  name:     { mayBe: (text) => /^\P{Cc}{1,100}$/u.test(text), label: "register.name", error: "search.error.name" },
  standing: { mayBe: isOneOf(STATUSES), label: "search.standing", error: "search.error.choice" },
  level:    { mayBe: isOneOf(LEVELS.map(String)), label: "search.level", error: "search.error.choice" },
  country:  { mayBe: (text) => /^[A-Z]{2}$/.test(text), label: "search.country", error: "search.error.choice" },
  kind:     { mayBe: isOneOf(KINDS), label: "search.kind", error: "search.error.choice" },
  dataset:  { mayBe: isDataSetId, label: "search.dataset", error: "search.error.dataset" },
};

export interface ReadFilter {
  filter: RegisterFilter;
  /** What was asked for, as texts: where an address is made of it again. */
  given: Partial<Record<Name, string>>;
  errors: FieldError[];
}

export function readFilter({ t }: Tongue, query: Form): ReadFilter {
  const given = Object.fromEntries(FILTERS.map((name) => [name, query.one(name)] as const).filter(([, text]) => text !== ""));
  const wrong = FILTERS.filter((name) => given[name] !== undefined && !RULES[name].mayBe(given[name]));
  const { level, ...texts } = given;
  const filter = { ...texts, ...(level === undefined ? {} : { level: Number(level) }) } as RegisterFilter;
  return { filter, given, errors: wrong.map((field) => ({ field, text: t(RULES[field].error, { field: t(RULES[field].label) }) })) };
}

interface Option {
  value: string;
  text: string;
  selected: boolean;
}

/** The choices of the form. Who is looked for first is in links above it. */
export function optionsOf({ t, country }: Tongue, { given }: ReadFilter, countries: readonly string[]) {
  const select = (name: Name, choices: { value: string; text: string }[]): Option[] =>
    [{ value: "", text: t("search.any") }, ...choices].map((one) => ({ ...one, selected: one.value === (given[name] ?? "") }));
  const places = countries.map((code) => ({ value: code, text: country(code) })).sort((a, b) => a.text.localeCompare(b.text));
  return {
    standing: select(
      "standing",
      STATUSES.map((one) => ({ value: one, text: t(`register.status.${one}`) })),
    ),
    level: select(
      "level",
      LEVELS.map((one) => ({ value: String(one), text: t(`search.level.${one}`) })),
    ),
    country: select("country", places),
    kind: select(
      "kind",
      KINDS.map((one) => ({ value: one, text: t(`kind.${one}`) })),
    ),
  };
}
