import type { enDispatch } from "./en-dispatch.ts";

/** Texts about turns, capacities and pauses in French. */
export const frDispatch = {
  "dispatch.held.title": "Retenus en ce moment",
  "dispatch.held.lead":
    "Pour l’instant, plus rien ne part de ces organismes ni vers eux. Ce qui a été accepté est gardé, et repart de soi-même.",
  "dispatch.held.none": "Rien n’est retenu.",
  "dispatch.hold.paused": "{who} est en pause ({what}) depuis le {since}. Qui l’a décidé : {by}. Raison : {reason}",
  "dispatch.hold.outside_hours": "{who} ne prend rien à cette heure de la journée.",
  "dispatch.hold.breaker":
    "{who} a échoué plusieurs fois de suite. Relais attend{until, select, none {} other { jusqu’au {until}}} avant de réessayer, puis essaie une fois.",
  "dispatch.hold.probing": "{who} a échoué plusieurs fois de suite. Un transfert l’essaie maintenant ; les autres suivent s’il réussit.",
  "dispatch.hold.resting": "{who} a demandé d’attendre{until, select, none {} other { jusqu’au {until}}}.",
  "dispatch.hold.per_second": "{who} ne prend plus rien pendant cette seconde.",
  "dispatch.hold.per_hour": "{who} ne prend plus rien pendant cette heure.",
  "dispatch.hold.concurrent": "{who} a autant de transferts en cours qu’il en prend.",
  "dispatch.everything": "tout",
  "dispatch.by.participant": "lui-même",
  "dispatch.by.operator": "l’opérateur",
} as const satisfies Record<keyof typeof enDispatch, string>;
