import { csvRecord } from "./csv.ts";
import { standingOf } from "./standing.ts";
import type { RegisterEntry } from "./register-reader.ts";
import type { TrustMark } from "./participant.ts";

type Cell = string | number | null;
interface Row extends RegisterEntry {
  /** The mark, where it is in force. */
  inForce: TrustMark | null;
  now: Date;
}

/** Columns of the register as a table. Names are those of the API; lists are separated by spaces. */
// oxfmt-ignore
const COLUMNS: [name: string, cell: (row: Row) => Cell][] = [
  ["id",               ({ participant }) => participant.id],
  ["entity_id",        ({ participant }) => participant.entityId],
  ["name",             ({ participant }) => participant.name],
  ["roles",            ({ participant }) => participant.roles.join(" ")],
  ["status",           ({ participant, mark, now }) => standingOf(participant, mark, now)],
  ["level",            ({ inForce }) => inForce?.level ?? null],
  ["accredited_since", ({ inForce }) => inForce?.issuedAt.toISOString() ?? null],
  ["accredited_until", ({ inForce }) => inForce?.expiresAt.toISOString() ?? null],
  ["country",          ({ participant }) => participant.about.country],
  ["adapter",          ({ participant }) => participant.adapter],
  ["datasets",         ({ participant }) => participant.datasets.map(({ id }) => id).join(" ")],
];

export const CSV_HEAD = csvRecord(COLUMNS.map(([name]) => name));

export function csvOf(entries: readonly RegisterEntry[], now: Date): string {
  return entries.map((entry) => csvRecord(COLUMNS.map(([, cell]) => cell(rowOf(entry, now))))).join("");
}

function rowOf({ participant, mark }: RegisterEntry, now: Date): Row {
  const inForce = standingOf(participant, mark, now) === "accredited" ? mark : null;
  return { participant, mark, inForce, now };
}
