import type { enRhythms } from "./en-rhythms.ts";

/** Texts about what comes by itself, in French. */
export const frRhythms = {
  "permission.next.dueYours": "Automatiquement le {date}, ou avant, si vous le commencez",
  "permission.next.dueTheirs": "Automatiquement le {date}, ou avant, si {name} le demande",
} as const satisfies Record<keyof typeof enRhythms, string>;
