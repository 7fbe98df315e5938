import { RelaisError } from "../errors.ts";
import { isId } from "../ids.ts";
import type { ConsentPlace } from "./consent.ts";

/** A place in a list of consents as it stands in an address. */
export function cursorOf({ createdAt, id }: ConsentPlace): string {
  return Buffer.from(JSON.stringify([createdAt.getTime(), id])).toString("base64url");
}

/** @throws RelaisError `invalid` for a cursor that is none. */
export function placeOf(cursor: string): ConsentPlace {
  try {
    const [at, id] = JSON.parse(Buffer.from(cursor, "base64url").toString()) as unknown[];
    if (Number.isSafeInteger(at) && Math.abs(at as number) < 8.64e15 && isId("consent", id))
      return { createdAt: new Date(at as number), id };
  } catch {
    // Refused below.
  }
  throw new RelaisError("invalid", "This cursor is not one that was given here. Begin with the first page.", { pointers: ["/cursor"] });
}

/** One page of a list that was asked for with one more than it shows, and where the next one begins; null where nothing is left. */
export function pageOf<T extends ConsentPlace>(found: T[], limit: number): { shown: T[]; next: string | null } {
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  return { shown, next: found.length > limit && last ? cursorOf(last) : null };
}
