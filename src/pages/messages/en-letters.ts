/** Texts of long lists and of letters, in English. */
export const enLetters = {
  "permissions.older": "Older permissions",
  "permissions.first": "Back to the newest",
} as const;
