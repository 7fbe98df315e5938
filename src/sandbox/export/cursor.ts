import { RelaisError } from "../../core/errors.ts";

/** A place in a list as an opaque text, and back. */
export function cursorOf(place: string): string {
  return Buffer.from(place).toString("base64url");
}

/** @throws RelaisError `invalid`. */
export function placeOf(cursor: string): string {
  const place = Buffer.from(cursor, "base64url").toString();
  if (cursorOf(place) !== cursor || place === "")
    throw new RelaisError("invalid", "The cursor is not one that was given here. Hand back `next` as it came.");
  return place;
}

/** The position in a list that a cursor of {@link cursorOf} stands for. */
export function positionOf(cursor: string | null): number {
  if (cursor === null) return 0;
  const place = placeOf(cursor);
  if (!/^\d{1,15}$/.test(place))
    throw new RelaisError("invalid", "The cursor is not one that was given here. Hand back `next` as it came.");
  return Number(place);
}
