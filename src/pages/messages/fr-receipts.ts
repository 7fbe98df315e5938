import type { enReceipts } from "./en-receipts.ts";

/** Texts about the records of permissions, in French. */
export const frReceipts = {
  "event.consent-granted": "Une personne a donné une autorisation.",
  "event.consent-changed": "Une autorisation est remplacée par une autre, ou reprend.",
  "event.consent-stopped": "Une autorisation est arrêtée : plus rien ne part. Arrêtez aussitôt ce qui est en cours.",
  "event.consent-ended": "Une autorisation est finie, ou n’a pas été donnée.",
  "event.member.consent":
    "consent, state, at : l’autorisation, son état et quand elle y est venue ; sub_id est le nom de la personne chez ce destinataire seul. Rien d’autre sur la personne.",
  "verify.entry.consent": "l’empreinte du reçu d’une autorisation",
} as const satisfies Record<keyof typeof enReceipts, string>;
