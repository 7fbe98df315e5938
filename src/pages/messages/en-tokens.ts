/** Texts about how a holder checks permissions, in English. */
export const enTokens = {
  "tokens.stops": "When somebody stops a permission",
  "tokens.opaque": "This organisation asks Relais before each answer: it sends nothing more at once.",
  "tokens.jwt": "This organisation checks permissions by itself: it may go on sending for up to {seconds} seconds.",
} as const;
