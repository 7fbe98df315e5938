import { LEFT_AS_IT_IS } from "../../core/transfer/converted-copies.ts";
import type { TransferEvent } from "../../core/transfer/transfer.ts";
import type { Tongue } from "../tongue.ts";

/** How many items have a copy in another form, and why the others come alone; null where the person wanted none. */
export function viewOfCopies({ t, number }: Tongue, events: readonly Pick<TransferEvent, "kind" | "details">[]): string | null {
  const details = events.findLast(({ kind }) => kind === "copies_made")?.details;
  if (details === undefined) return null;
  const count = (name: string): number => Number(details[name] ?? 0);
  const told = t("forms.told", { copies: count("copies"), many: number(count("copies")) });
  const reasons = LEFT_AS_IT_IS.filter((name) => count(name) > 0);
  if (reasons.length === 0) return told;
  const alone = reasons.reduce((sum, name) => sum + count(name), 0);
  const why = reasons.map((name) => t(`forms.${name}`, { count: count(name) })).join(", ");
  return `${told} ${t("forms.alone", { count: alone, many: number(alone), why })}`;
}
