import type { enMailbox } from "./en-mailbox.ts";

/** Texts about platforms that fetch what is for them, in French. */
export const frMailbox = {
  "register.protocol.mailbox": "Vient chercher chez Relais des paquets scellés (n’a pas d’adresse propre)",
  "event.deposited": "Scellé, et en attente : seul {destination} peut l’ouvrir, quand il vient le chercher",
  "omission.not_fetched":
    "Votre espace n’est pas venu le chercher à temps, et il a été supprimé. Ouvrez votre espace, puis demandez une nouvelle copie.",
  "omission.fetched_in_part":
    "Votre espace a commencé à venir le chercher, et n’avait pas fini quand tout s’est arrêté. Une partie, ou presque tout, peut s’y trouver : demandez-lui de la supprimer.",
} as const satisfies Record<keyof typeof enMailbox, string>;
