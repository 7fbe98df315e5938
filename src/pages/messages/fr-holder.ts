import type { enHolder } from "./en-holder.ts";

/** Texts of the holder's side, in French. */
export const frHolder = {
  "standing.event.restriction-set": "restreint par un organisme",
  "standing.event.restriction-lifted": "plus restreint par un organisme",
} as const satisfies Record<keyof typeof enHolder, string>;
