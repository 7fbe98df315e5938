import { RelaisError } from "../errors.ts";
import { isId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import type { Place, RegisterEntry, RegisterFilter } from "./register-reader.ts";

export interface RegisterQuery extends RegisterFilter {
  /** As the page before gave it. */
  cursor?: string | undefined;
  limit: number;
}

export interface RegisterPage {
  entries: RegisterEntry[];
  /** How many the filter lets through; counted on the first page. */
  total: number | null;
  /** Where the next page begins; null behind the last one. */
  next: string | null;
}

/**
 * One page of the register. A participant that joins, or changes its name, between two pages may be missed or come twice; nobody else is.
 * @throws RelaisError `invalid` for a cursor that is not ours.
 */
export async function searchRegister({ store, clock }: Pick<Ports, "store" | "clock">, query: RegisterQuery): Promise<RegisterPage> {
  const { cursor, limit, ...filter } = query;
  const after = cursor === undefined ? undefined : placeOf(cursor);
  const page = { ...filter, after, limit: limit + 1 };
  const { entries, total } = await store.read<{ entries: RegisterEntry[]; total: number | null }>(async ({ registered }) =>
    after === undefined ? registered.counted(page, clock.now()) : { entries: await registered.entries(page, clock.now()), total: null },
  );
  return { ...pageOf(entries, limit), total };
}

/** `found` holds one more than `limit` where there is another page. */
export function pageOf(found: RegisterEntry[], limit: number): Omit<RegisterPage, "total"> {
  const entries = found.slice(0, limit);
  const last = entries.at(-1)?.participant;
  return { entries, next: found.length > limit && last ? cursorOf(last) : null };
}

export function cursorOf({ name, id }: Place): string {
  return Buffer.from(JSON.stringify([name, id])).toString("base64url");
}

/** @throws RelaisError `invalid`. */
export function placeOf(cursor: string): Place {
  try {
    const [name, id] = JSON.parse(Buffer.from(cursor, "base64url").toString()) as unknown[];
    if (typeof name === "string" && !name.includes("\0") && isId("participant", id)) return { name, id };
  } catch {
    // Refused below.
  }
  throw new RelaisError("invalid", "This cursor is not one that the register gave. Begin with the first page.", { pointers: ["/cursor"] });
}

/** The whole answer, a page at a time: each page is a snapshot of its own, so that a slow reader holds nothing. */
export async function* walkRegister(
  ports: Pick<Ports, "store" | "clock">,
  filter: RegisterFilter,
  size: number,
): AsyncGenerator<RegisterEntry[], void, undefined> {
  let cursor: string | undefined;
  do {
    const { entries, next } = await searchRegister(ports, { ...filter, cursor, limit: size });
    yield entries;
    cursor = next ?? undefined;
  } while (cursor !== undefined);
}
