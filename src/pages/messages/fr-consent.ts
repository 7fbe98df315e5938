import type { enConsent } from "./en-consent.ts";

/** Texts about giving, changing and following a permission, in French. */
export const frConsent = {
  "decide.answerBy": "Vous pouvez répondre jusqu’au {date}. Vous pouvez quitter cette page et y revenir : la demande vous attend.",
  "decide.refusedBefore": "Vous avez refusé la même demande le {date}. Vous pouvez refuser encore.",
  "decide.account": "Votre compte chez lui : {account}",
  "decide.atStake": "Ce que cela engage",
  "decide.complaint": "Porter plainte auprès de la CNIL",
  "decide.rightsTitle": "Vos droits, et à qui écrire",
  "decide.basisTitle": "Sur quelle base légale",
  "decide.basis":
    "{source} remet vos données parce que vous avez le droit de les reprendre (portabilité, article 20 du règlement général sur la protection des données, RGPD). {destination} les reçoit parce que vous y consentez (article 6 du RGPD). Vos données restent aussi là où elles sont.",
  "decide.recipientsTitle": "Qui voit vos données",
  "decide.recipients":
    "Les données viennent de {source}. Relais les transporte et n’en garde pas de copie. {destination} les reçoit, avec les entreprises qui travaillent pour lui.",
  "decide.recipientsLink": "Les voir sur la page de {destination}",
  "decide.textTitle": "Le texte exact de cette demande",
  "decide.textVersion": "Rédaction : version {version}, empreinte",
  "decide.error.mandate": "Cochez le mandat, ou refusez",
  "decide.error.consent": "Cochez le consentement, ou refusez",
  "decide.unreadable.title": "Cette demande n’existe pas encore en français",
  "decide.unreadable.text":
    "Personne ne peut accepter ce qu’il ne peut pas lire. Cette demande ne peut donc pas être acceptée en français. Vous pouvez la lire et y répondre en anglais.",
  "decide.unreadable.who": "L’équipe qui gère Relais peut ajouter le texte en français. Rien n’est envoyé en attendant.",

  "act.title": "{count, plural, one {Votre accord} other {Vos deux accords}}",
  "act.hint":
    "{count, plural, one {Pour dire oui, cochez la case.} other {Ce sont deux choses différentes. Pour dire oui, cochez les deux.}}",
  "act.mandate": "Mandat : demander mes données à {source}",
  "act.consent": "Consentement : les remettre à {destination}",
  "act.mandateErase": "Mandat : demander à {source} de supprimer mes données",

  "change.decide": "Changer ce qui va de {source} vers {destination} ?",
  "change.difference": "Ce qui changerait",
  "change.before": "Aujourd’hui",
  "change.after": "Après",
  "change.allowed": "Autorisé",
  "change.notAllowed": "Pas autorisé",
  "change.added": "Ajouté",
  "change.asked": "Demandé : cochez-le plus bas si vous l’autorisez",
  "change.removed": "Retiré",
  "change.same": "Ne change pas",
  "change.often": "À quel rythme",
  "change.youAsk": "Vous. Vous voulez changer votre propre autorisation.",
  "change.ticked":
    "Ce que vous autorisez déjà est coché. Décochez ce que vous n’autorisez plus. Ce qui est demandé en plus n’est pas coché.",
  "change.stops":
    "Si vous dites oui, votre autorisation actuelle se termine aussitôt, et un transfert en cours à ce titre s’arrête. Le suivant suit la nouvelle autorisation.",
  "change.ifRefuse": "Votre autorisation actuelle continue telle quelle.",
  "change.refuse": "Ne rien changer",
  "change.accept": "Changer",
  "change.title": "Changer cette autorisation",
  "change.lead": "Votre choix actuel est déjà rempli. La page suivante montre la différence, et vous y répondez.",
  "change.hint": "Décochez ce que vous n’autorisez plus, ou cochez autre chose en plus.",
  "change.untilAsNow": "{date}, comme aujourd’hui",
  "change.until": "{months, plural, one {# mois} other {# mois}} à partir d’aujourd’hui : {date}",
  "change.next": "Voir la différence",
  "change.error.nothing": "Cochez au moins un jeu de données. Pour tout arrêter, arrêtez le partage",
  "change.error.day": "Choisissez jusqu’à quand",
  "renew.title": "Renouveler cette autorisation",
  "renew.lead": "Rien ne change, sauf le dernier jour. Choisissez jusqu’à quand vous l’autorisez.",
  "permission.change": "Changer",
  "permission.renew": "Renouveler",
  "permission.news.changed": "Votre autorisation est changée. L’ancienne est terminée.",
  "permission.news.kept": "Rien n’a changé. Votre autorisation continue comme avant.",
} as const satisfies Record<keyof typeof enConsent, string>;
