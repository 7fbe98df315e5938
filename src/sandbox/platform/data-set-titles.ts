import type { Language } from "../../core/catalogue/data-set.ts";
import { dataSetsOf, HOLDER_NAMES } from "../personas/holdings.ts";

const TITLES = new Map(HOLDER_NAMES.flatMap((holder) => dataSetsOf(holder)).map((set) => [set.id, set.title]));

/** In plain words where the data set is one of the sandbox's holders; else its name. */
export function titleOfDataSet(dataset: string, language: Language): string {
  return TITLES.get(dataset)?.[language] ?? dataset;
}
