import type { enLetters } from "./en-letters.ts";

/** The same in French. */
export const frLetters = {
  "permissions.older": "Autorisations plus anciennes",
  "permissions.first": "Retour aux plus récentes",
} as const satisfies Record<keyof typeof enLetters, string>;
