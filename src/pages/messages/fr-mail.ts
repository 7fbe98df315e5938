import type { enMail } from "./en-mail.ts";

/** The same in French. */
export const frMail = {
  "mail.section": "Courriel",
  "mail.title": "Votre adresse de courriel",
  "mail.lead":
    "Vous n’avez pas besoin d’adresse de courriel ici. Si vous en donnez une, nous vous écrivons quand quelque chose change, et nous vous rappelons ce que vous autorisez.",
  "mail.off":
    "Ce Relais n’envoie pas de courriel : son opérateur n’a indiqué aucun serveur. Ce qui change vous est dit ici, sur vos pages.",
  "mail.label": "Votre adresse de courriel",
  "mail.hint": "Par exemple nom@exemple.fr. Nous y envoyons un lien, pour voir qu’elle est à vous.",
  "mail.give": "M’envoyer le lien",
  "mail.replace": "Utiliser une autre adresse",
  "mail.inUse": "Les courriels vont à",
  "mail.since": "confirmée le {date}",
  "mail.language": "Langue",
  "mail.language.fr": "français",
  "mail.language.en": "anglais",
  "mail.reminders": "Rappels",
  "mail.reminders.on": "Tous les {days} jours sans visite, sur ce que vous autorisez",
  "mail.reminders.off": "Vous n’en voulez pas",
  "mail.reminders.stop": "Ne plus recevoir de rappels",
  "mail.reminders.start": "Recevoir de nouveau des rappels",
  "mail.sealed":
    "L’adresse est gardée scellée : seul le programme qui envoie peut la lire. C’est pourquoi vous n’en voyez ici qu’une partie.",
  "mail.waits":
    "Nous avons écrit à {hint} le {date}. Ouvrez le lien de ce courriel dans les 24 heures. D’ici là, rien d’autre n’y est envoyé.",
  "mail.unreachable":
    "Votre messagerie nous a dit le {date} que cette adresse n’existe pas. Nous n’y écrivons plus. Donnez-en une autre, ou essayez de nouveau.",
  "mail.try": "Essayer de nouveau",
  "mail.test": "M’envoyer un courriel d’essai",
  "mail.remove": "Supprimer mon adresse",
  "mail.removeText": "Elle est supprimée tout de suite, avec les liens des courriels que vous avez reçus.",
  "mail.news.given": "Nous vous avons envoyé un lien. Ouvrez-le pour confirmer l’adresse.",
  "mail.news.removed": "Votre adresse est supprimée. Plus personne ne vous écrit.",
  "mail.news.reminders": "Votre choix sur les rappels est enregistré.",
  "mail.news.test": "Un courriel d’essai est en route.",
  "mail.error.address": "Écrivez une adresse de courriel, par exemple nom@exemple.fr",
  "mail.error.often": "Vous avez demandé plusieurs courriels aujourd’hui. Attendez demain.",

  "mail.prove.title": "Confirmer votre adresse de courriel",
  "mail.prove.text":
    "Quelqu’un a donné cette adresse sur un compte Relais, pour que Relais puisse lui écrire. Si c’est vous, confirmez-la.",
  "mail.prove.notYou": "Si ce n’est pas vous, fermez cette page. Rien ne vous sera envoyé.",
  "mail.prove.button": "Confirmer cette adresse",
  "mail.proved.title": "Votre adresse est confirmée",
  "mail.proved.own": "Désormais, nous écrivons à cette adresse quand quelque chose change sur votre compte.",
  "mail.proved.other": "Désormais, Relais écrit à cette adresse. Identifiez-vous pour voir de quel compte il s’agit.",
  "mail.proved.account": "Voir mon compte",

  "mail.permission.title": "Une autorisation que vous avez donnée",
  "mail.permission.text":
    "Elle laisse des données aller de {source} à {destination}. Pour tout voir, identifiez-vous. Pour l’arrêter, ce n’est pas nécessaire.",
  "mail.permission.review": "Revoir",
  "mail.permission.stop": "Arrêter",
  "mail.stop.text": "Tout de suite, plus rien ne va de {source} à {destination}. Ce qui est déjà arrivé y reste.",
  "mail.stopped.title": "L’autorisation est arrêtée",
  "mail.stopped.text": "Plus rien ne va de {source} à {destination}. Vous pourrez donner une nouvelle autorisation plus tard.",

  "mail.unsubscribe.title": "Ne plus recevoir de rappels ?",
  "mail.unsubscribe.text": "Nous ne vous rappellerons plus ce que vous autorisez. Les courriels sur ce qui change arrivent toujours.",
  "mail.unsubscribed.title": "Vous ne recevez plus de rappels",
  "mail.unsubscribed.text": "Vous pouvez les demander de nouveau sur la page de votre compte.",

  "letter.hello": "Bonjour,",
  "letter.signed": "Relais",
  "letter.signedBy": "Relais, géré par {operator}",
  "letter.why":
    "Vous recevez ce courriel parce que vous avez donné cette adresse sur votre compte Relais. Vous pouvez l’y changer ou la supprimer :",
  "letter.help": "Une question, sans page web : répondez à ce courriel, ou écrivez à {contact}.",
  "letter.never": "Nous ne demandons jamais de mot de passe, de code ni de paiement par courriel.",
  "letter.account": "Mon compte",
  "letter.subject.address-proof": "Relais : confirmez votre adresse de courriel",
  "letter.proof.text":
    "Cette adresse a été donnée sur un compte Relais. Pour recevoir nos courriels, confirmez dans les 24 heures qu’elle est à vous :",
  "letter.proof.link": "Confirmer mon adresse",
  "letter.proof.notYou": "Si vous n’avez rien demandé, ne faites rien : rien d’autre ne vous sera envoyé.",
  "letter.subject.address-changed": "Relais : vous avez changé d’adresse de courriel",
  "letter.changed.text":
    "Une autre adresse de courriel a été confirmée sur votre compte Relais. Ceci est le dernier courriel à cette adresse-ci, que nous effaçons maintenant.",
  "letter.changed.notYou": "Si ce n’était pas vous, identifiez-vous, regardez votre compte, et écrivez-nous.",
  "letter.subject.address-test": "Relais : un courriel d’essai",
  "letter.test.text": "Vous avez demandé ce courriel sur votre compte Relais. Il montre que nos courriels vous arrivent à cette adresse.",
  "letter.subject.standing": "Relais : quelque chose change pour vos autorisations",
  "letter.standing.read": "Le voir parmi mes données",
  "letter.standing.why": "Pourquoi : la décision publique",
  "letter.subject.reminder": "Relais : ce que vous autorisez",
  "letter.reminder.lead":
    "Vous n’êtes pas venu sur Relais depuis {days} jours. Voici ce que vous autorisez encore. Gardez, revoyez ou arrêtez : chaque choix tient en un pas.",
  "letter.reminder.fromTo": "{source} → {destination}",
  "letter.who": "Qui reçoit les données",
  "letter.from": "Qui les envoie",
  "letter.what": "Quelles données",
  "letter.whyKey": "Pourquoi",
  "letter.last": "Ce qui est arrivé en dernier",
  "letter.lastAt": "un envoi, le {date}",
  "letter.lastNone": "rien encore",
  "letter.until": "Jusqu’au",
  "letter.review": "Revoir",
  "letter.stop": "Arrêter",
  "letter.unsubscribe": "Ne plus recevoir de rappels",
} as const satisfies Record<keyof typeof enMail, string>;
