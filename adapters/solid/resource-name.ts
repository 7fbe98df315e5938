/**
 * Characters that servers of pods keep for themselves or change: the Community Solid Server 7 stores `?` as `%3F` and lists it
 * so, refuses `$` before an ending, and rejects its own proof check for an encoded `%2f`. `=` is in the set as the escape.
 */
const RESERVED = /[%=*:|"?<>$\\]/g;

/** A part of a key as the name of a resource: reserved characters become `=` and two hexadecimal digits. */
export function resourceName(part: string): string {
  return part.replace(RESERVED, (character) => `=${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The part of a key that a resource name stands for; names that others chose stay as they are where nothing was escaped. */
export function readResourceName(name: string): string {
  return name.replace(/=([0-9A-F]{2})/g, (whole, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return character.search(RESERVED) === 0 ? character : whole;
  });
}
