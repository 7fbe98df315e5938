/** Texts of the holder's side: conditions, the matrix, restrictions, requests to open, certificates. */
export const enHolder = {
  "standing.event.restriction-set": "restricted by a holder",
  "standing.event.restriction-lifted": "no longer restricted by a holder",
} as const satisfies Record<string, string>;
