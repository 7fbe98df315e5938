import type { enLetters } from "./en-letters.ts";

/** The same in French. */
export const frLetters = {
  "permissions.older": "Autorisations plus anciennes",
  "permissions.first": "Retour aux plus récentes",
  "mail.waitsUnreachable":
    "Le courriel envoyé à {hint} le {date} est revenu : personne n’y est. Vérifiez l’adresse, et donnez-la de nouveau.",
  "letter.subject.office": "Un signalement attend votre réponse · A report waits for your answer",
  "letter.office.text":
    "{count, plural, one {Un signalement sur une autorisation attend} other {# signalements sur des autorisations attendent}} votre réponse sur Relais. La réponse est montrée à la personne sur sa page.",
  "letter.office.why":
    "Ce courriel ne dit ni qui a écrit, ni quoi : vous le lisez après vous être identifié. Il vient une fois par heure au plus, au contact que vous publiez.",
  "letter.office.read": "Lire et répondre",
} as const satisfies Record<keyof typeof enLetters, string>;
