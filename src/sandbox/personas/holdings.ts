import { RelaisError } from "../../core/errors.ts";
import { periodUntil } from "./calendar.ts";
import type { FullDate, Period } from "./calendar.ts";
import { ENERGY_ITEMS } from "./energy.ts";
import { INSURANCE_ITEMS } from "./insurance.ts";
import type { Item } from "./item.ts";
import { findResident, RESIDENTS } from "./people.ts";
import type { EnergyAccount, HolderName, Persona, Resident, TelecomAccount } from "./people.ts";
import { TELECOM_ITEMS } from "./telecom.ts";

export { dataSetsOf } from "./catalogue.ts";
export { HOLDER_NAMES } from "./people.ts";
export type { HolderName, Persona } from "./people.ts";
export type { Item } from "./item.ts";

export const DEFAULT_UNTIL: FullDate = "2026-10-31";

export interface Generation {
  /** Another seed gives other readings, calls and claims; people and contracts stay. */
  seed: string;
  /** Last day of the three years that the holders keep. */
  until?: FullDate;
}

export function personas(): Persona[] {
  return RESIDENTS.map(personaOf);
}

export function personaOfCustomer(holder: HolderName, customer: string): Persona | null {
  const resident = findResident(holder, customer);
  return resident === null ? null : personaOf(resident);
}

function personaOf({ id, displayName, email, customers }: Resident): Persona {
  return { id, displayName, email, customers: { ...customers } };
}

/**
 * The items that a holder keeps for a customer, in an order that stays. Same arguments, same bytes.
 * A later `until` adds items, drops those of more than three years ago, and completes what was under way.
 * @throws RelaisError `not_found` for an unknown customer or data set, `invalid` for a bad `until`.
 */
export async function itemsOf(generation: Generation, holder: HolderName, customer: string, dataset: string): Promise<Item[]> {
  const period = periodUntil(generation.until ?? DEFAULT_UNTIL);
  const resident = findResident(holder, customer);
  if (resident === null)
    throw new RelaisError("not_found", "This holder has no such customer. The customer numbers are in the list of personas.");
  const items = await GENERATORS[holder]({ seed: generation.seed, resident, period }, dataset);
  if (items === null)
    throw new RelaisError("not_found", "This holder has no such data set. Its data sets are in its entry in the register.");
  return items;
}

interface Asked {
  seed: string;
  resident: Resident;
  period: Period;
}

/** Null for a data set that the holder does not have; a customer number is given only with the account behind it. */
const GENERATORS: Readonly<Record<HolderName, (asked: Asked, dataset: string) => Promise<Item[] | null>>> = {
  energy: async (asked, dataset) => own(ENERGY_ITEMS, dataset)?.({ ...asked, account: asked.resident.energy as EnergyAccount }) ?? null,
  insurance: async (asked, dataset) => own(INSURANCE_ITEMS, dataset)?.(asked) ?? null,
  telecom: async (asked, dataset) => own(TELECOM_ITEMS, dataset)?.({ ...asked, account: asked.resident.telecom as TelecomAccount }) ?? null,
};

/** Names come from requests: `constructor` is no data set. */
function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** The largest list, a log of calls, takes about 5 MB. */
const LISTS_KEPT = 16;

/** Items made once and kept while they are asked for: the least recently used lists are forgotten. */
export class Holdings {
  readonly #generation: Generation;
  readonly #lists = new Map<string, Promise<Item[]>>();

  constructor(generation: Generation) {
    this.#generation = generation;
  }

  /** As {@link itemsOf}; parallel calls share one list, which nobody may change. */
  itemsOf(holder: HolderName, customer: string, dataset: string): Promise<readonly Item[]> {
    const name = [holder, customer, dataset].join("\u0000");
    const list = this.#lists.get(name) ?? itemsOf(this.#generation, holder, customer, dataset);
    this.#lists.delete(name);
    this.#lists.set(name, list);
    list.catch(() => this.#forget(name, list));
    const [oldest = name] = this.#lists.keys();
    if (this.#lists.size > LISTS_KEPT) this.#lists.delete(oldest);
    return list;
  }

  /** A list that failed is made anew the next time. */
  #forget(name: string, list: Promise<Item[]>): void {
    if (this.#lists.get(name) === list) this.#lists.delete(name);
  }
}
