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
  "verify.kind.consent_receipt": "Reçu d’une autorisation",
  "verify.check.hash_in_log": "Que le journal public contient l’empreinte de ce reçu",
  "verify.unchecked.person": "De qui est cette autorisation : le reçu ne le dit qu’à la personne elle-même.",
  "verify.consent": "Autorisation",
  "verify.consentState": "Ce que le reçu prouve",
  "verify.stateOn": "{state}, le {at}",
  "verify.consentNow": "Et maintenant",
  "verify.consentNow.valid": "Cette autorisation est en cours.",
  "verify.consentNow.ended": "Cette autorisation n’est pas en cours.",
  "verify.consentNow.suspended": "Cette autorisation est interrompue. Elle peut reprendre.",
  "verify.notice": "Empreinte de la notice",
  "receipt.state.requested": "Autorisation demandée",
  "receipt.state.active": "Autorisation donnée",
  "receipt.state.suspended": "Autorisation interrompue",
  "receipt.state.withdrawn": "Autorisation arrêtée par la personne",
  "receipt.state.revoked": "Autorisation révoquée",
  "receipt.state.refused": "Autorisation refusée par la personne",
  "receipt.state.expired": "Autorisation expirée",
  "receipt.state.superseded": "Autorisation remplacée par une autre",
} as const satisfies Record<keyof typeof enReceipts, string>;
