const LONGEST = 600;
/** Path characters only; no `//`, no dot segment, no backslash: nothing that a browser could read as another origin. */
const LOCAL = /^\/(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*\/?)?(?:\?[A-Za-z0-9._~%=&+:/-]*)?$/;

/** The path of this site that a person asked to go on to, or null for anything else (no open redirect, RFC 9700 §4.11). */
export function localPath(value: unknown): string | null {
  return typeof value === "string" && value.length <= LONGEST && LOCAL.test(value) ? value : null;
}
