import type { Transfer, TransferEvent } from "../../core/transfer/transfer.ts";
import type { Tongue } from "../tongue.ts";

/** Of a transfer that asked for what is new alone. */
export interface Brought {
  /** Null where it is not known yet how much there is. */
  items: number | null;
  sentences: string[];
}

interface Told {
  transfer: Pick<Transfer, "state">;
  events: readonly Pick<TransferEvent, "kind" | "details">[];
  names: { source: string; destination: string };
}

/** What a delivery brought, in plain words; null for one that listed everything. */
export function viewOfIncrement(tongue: Tongue, { transfer, events, names }: Told): Brought | null {
  const asked = events.findLast(({ kind }) => kind === "changes_listed")?.details;
  if (asked === undefined) return null;
  const { t, number, moment } = tongue;
  const items = asked["items"] === undefined ? storedIn(events) : Number(asked["items"]);
  const values = { ...names, since: moment(new Date(String(asked["since"]))), count: items ?? 0, items: number(items ?? 0) };
  const deleted = deletedIn(tongue, { events, names });
  const isNothing = items === 0 && deleted.length === 0;
  const key = items === null ? "asked" : transfer.state !== "verified" ? "listed" : isNothing ? "nothing" : "brought";
  return { items, sentences: [t(`increment.${key}`, values), ...deleted] };
}

function deletedIn({ t, number }: Tongue, { events, names }: Omit<Told, "transfer">): string[] {
  const details = events.findLast(({ kind }) => kind === "deletions_told")?.details ?? {};
  return (["removed", "kept"] as const).flatMap((outcome) => {
    const count = Number(details[outcome] ?? 0);
    return count > 0 ? [t(`increment.${outcome}`, { ...names, count, items: number(count) })] : [];
  });
}

/** Of more than one page it is known when all of it was compared. */
function storedIn(events: Told["events"]): number | null {
  const end = events.findLast(({ kind }) => kind === "verified" || kind === "partial");
  return end === undefined ? null : Number(end.details["stored"] ?? 0) + Number(end.details["omitted"] ?? 0);
}
