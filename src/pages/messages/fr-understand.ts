import type { enUnderstand } from "./en-understand.ts";

/** Textes de la page qui explique de quoi il s’agit, in French. */
export const frUnderstand = {
  "home.understand": "Ce qu’est un espace personnel, et ce que fait une autorisation",
  "understand.title": "Comprendre",
  "understand.intro": "Ce qu’est un espace personnel, ce que fait une autorisation, et ce qui dépend de vous.",
  "understand.space.title": "Qu’est-ce qu’un espace personnel de données ?",
  "understand.space.text":
    "C’est un endroit à vous, où sont gardées des copies de données qui vous concernent : énergie, assurance, téléphone, banque. Vous choisissez qui le tient, ou vous le tenez vous-même. Vous pouvez y lire vos données, les utiliser avec des services de votre choix, et les supprimer.",
  "understand.copy.title": "Que deviennent mes données ?",
  "understand.copy.text":
    "Un organisme envoie une copie vers votre espace. Il garde ses propres données : rien n’est supprimé chez lui, et votre contrat ne change pas. Relais transporte la copie et vérifie ce qui est arrivé, élément par élément. Il ne garde pas vos données, seulement ce qui a été envoyé, quand, et leurs empreintes.",
  "understand.permission.title": "Qu’est-ce qu’une autorisation ?",
  "understand.permission.text":
    "Deux choses à la fois, chacune avec sa case. Vous demandez à l’organisme, par Relais, d’envoyer une copie : c’est un mandat. Et vous acceptez que votre espace la reçoive, pour un seul but, jusqu’à une date. Rien n’est coché d’avance, et dire non ne coûte rien.",
  "understand.stop.title": "Puis-je changer d’avis ?",
  "understand.stop.text":
    "Oui, à tout moment, sans donner de raison. Dès cet instant, plus rien n’est envoyé. Ce qui est arrivé reste dans votre espace, jusqu’à ce que vous l’y supprimiez.",
  "understand.stake.title": "Que regarder avant de dire oui ?",
  "understand.stake.text":
    "Vos données disent beaucoup de votre vie : quand vous êtes chez vous, qui vous appelez, ce que vous payez. Celui qui les reçoit peut le voir. Regardez qui tient l’espace, dans quel pays, combien de temps il garde les données, et s’il est agréé. « Agréé » veut dire que des contrôles ont réussi et sont répétés, pas que rien ne peut arriver.",
  "understand.words.title": "Les mots",
  "understand.word.holder": "Organisme",
  "understand.word.holder.text": "Une entreprise ou une administration qui a des données sur vous.",
  "understand.word.platform": "Espace personnel",
  "understand.word.platform.text": "L’endroit à vous qui reçoit les copies.",
  "understand.word.accredited": "Agréé",
  "understand.word.accredited.text": "Contrôlé selon la charte publique. Le registre dit depuis quand, jusqu’à quand, et qui a décidé.",
  "understand.word.transfer": "Transfert",
  "understand.word.transfer.text": "Une remise de copies, selon votre autorisation.",
  "understand.word.receipt": "Reçu",
  "understand.word.receipt.text":
    "Une preuve signée de ce que vous avez autorisé, ou de ce qui est arrivé. Vous pouvez la vérifier sans nous.",
  "understand.word.states": "Remis, reçu, vérifié",
  "understand.word.states.text": "Parti ; l’espace dit qu’il l’a ; comparé avec ce qui a été envoyé.",
  "understand.next": "Regardez une autorisation avant d’en donner une : la page qui demande montre un exemple de chaque sorte de données.",
} as const satisfies Record<keyof typeof enUnderstand, string>;
