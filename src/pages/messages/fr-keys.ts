import type { enKeys } from "./en-keys.ts";

/** Texts about the keys and addresses of participants, in French. */
export const frKeys = {
  "keys.title": "Clés et adresses",
  "keys.lead": "Un participant signe ce qu’il publie avec ces clés. Leurs empreintes figurent au journal public à chaque changement.",
  "keys.known": "Clés reconnues",
  "keys.none": "Aucune : l’exploitant a décrit ce participant.",
  "keys.published": "Clés avec lesquelles il signe maintenant, que personne n’a confirmées",
  "keys.waiting": "Où il veut être joint, dès qu’un contrôle y aura réussi",
  "keys.endpoint.export": "Rend des données à",
  "keys.endpoint.inbox": "Reçoit des données à",
  "keys.endpoint.issuer": "Les personnes se connectent à",
  "keys.endpoint.events": "Est prévenu des changements à",
  "keys.endpoint.root": "Serveur",
  "keys.confirmedOnce": "Confirmé par {who}. Une autre personne chargée de l’agrément doit confirmer la même chose.",
  "keys.asked": "J’ai interrogé ce participant par un autre moyen, et il a cité lui-même ces clés et ces adresses.",
  "keys.askedHint": "Par téléphone, auprès de quelqu’un que vous y connaissez. Qui détient ces clés est désormais ce participant.",
  "keys.confirm": "Confirmer",
  "keys.needs": "Il faut deux personnes chargées de l’agrément.",
  "keys.error.asked": "Interrogez d’abord le participant par un autre moyen, puis dites que vous l’avez fait.",
  "keys.questions": "Participants dont les clés ou les adresses ont changé",
  "keys.question.keys": "Signe avec des clés que personne n’a confirmées",
  "keys.question.change": "Veut être joint ailleurs : un contrôle est attendu",
  "keys.since": "Vu le",
} satisfies Record<keyof typeof enKeys, string>;
