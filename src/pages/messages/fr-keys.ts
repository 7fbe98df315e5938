import type { enKeys } from "./en-keys.ts";

/** Texts about the keys and addresses of participants, in French. */
export const frKeys = {
  "entity.title": "Clés et adresses",
  "entity.lead": "Un participant signe ce qu’il publie avec ces clés. Leurs empreintes figurent au journal public à chaque changement.",
  "entity.known": "Clés reconnues",
  "entity.none": "Aucune : l’opérateur a décrit ce participant.",
  "entity.published": "Clés avec lesquelles il signe maintenant, que personne n’a confirmées",
  "entity.waiting": "Où il veut être joint, dès qu’un contrôle y aura réussi",
  "entity.endpoint.export": "Rend des données à",
  "entity.endpoint.inbox": "Reçoit des données à",
  "entity.endpoint.issuer": "Les personnes se connectent à",
  "entity.endpoint.events": "Est prévenu des changements à",
  "entity.endpoint.root": "Serveur",
  "entity.confirmedOnce": "Confirmé par {who}. Une autre personne chargée de l’agrément doit confirmer la même chose.",
  "entity.asked": "J’ai interrogé ce participant par un autre moyen, et il a cité lui-même ces clés et ces adresses.",
  "entity.askedHint": "Par téléphone, auprès de quelqu’un que vous y connaissez. Qui détient ces clés est désormais ce participant.",
  "entity.confirm": "Confirmer",
  "entity.needs": "Il faut deux personnes chargées de l’agrément.",
  "entity.error.asked": "Interrogez d’abord le participant par un autre moyen, puis dites que vous l’avez fait.",
  "entity.questions": "Participants dont les clés ou les adresses ont changé",
  "entity.question.keys": "Signe avec des clés que personne n’a confirmées",
  "entity.question.change": "Veut être joint ailleurs : un contrôle est attendu",
  "entity.since": "Vu le",
} satisfies Record<keyof typeof enKeys, string>;
