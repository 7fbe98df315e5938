import { isDataSetId } from "../../core/catalogue/data-set.ts";
import { RelaisError } from "../../core/errors.ts";
import { flawOfItemKey } from "../../core/transfer/item-key.ts";
import type { Announced } from "./intake.ts";

const TEXTS = ["transfer", "consent", "source", "destination", "subject", "expires"] as const;

/** What an announcement must say. @throws RelaisError `invalid` naming the member that does not. */
export function announcedIn(value: Record<string, unknown>): Announced {
  const wrong = TEXTS.find((name) => typeof value[name] !== "string" || value[name] === "" || value[name].length > 500);
  if (wrong !== undefined) throw new RelaisError("invalid", `The announcement has no usable \`${wrong}\`.`, { pointers: [`/${wrong}`] });
  const { datasets } = value;
  if (!Array.isArray(datasets) || datasets.length === 0 || !datasets.every(isCount))
    throw new RelaisError("invalid", "The announcement has no usable `datasets`.", { pointers: ["/datasets"] });
  if (!/^[\w-]{1,100}$/.test(value["transfer"] as string))
    throw new RelaisError("invalid", "The name of the transfer holds other characters than letters, digits, `_` and `-`.");
  return value as unknown as Announced;
}

function isCount(value: unknown): boolean {
  const { dataset, items, bytes } = (value ?? {}) as Record<string, unknown>;
  const counts = [items ?? null, bytes ?? null];
  return isDataSetId(dataset) && counts.every((count) => count === null || (Number.isSafeInteger(count) && (count as number) >= 0));
}

/** @throws RelaisError `invalid` with what is wrong with the name. */
export function assertItemName(dataset: string, key: string): void {
  const flaw = isDataSetId(dataset) ? flawOfItemKey(key) : "is of a data set whose name is not one";
  if (flaw !== null) throw new RelaisError("invalid", `The name of the item ${flaw}. The source must give it another name.`);
}
