import type { enConditions } from "./en-conditions.ts";

/** Texts about what holders ask of platforms, in French. */
export const frConditions = {
  "conditions.title": "Ce que cet organisme demande aux espaces",
  "conditions.lead":
    "Chaque espace agréé peut recevoir ses données, sauf si quelque chose est écrit ici. Chaque condition et chaque restriction figure au journal public.",
  "conditions.none": "Il ne demande rien de plus que le registre.",
  "conditions.every": "Toutes ses données",
  "conditions.level": "Un agrément de niveau {level} ou plus",
  "conditions.regions": "Des données gardées ici : {regions}",
  "conditions.region.EU": "l’Union européenne",
  "conditions.region.EEA": "l’Espace économique européen",
  "conditions.certificates": "Des certificats : {certificates}",
  "conditions.because": "Sa raison : {reason}",
  "conditions.restricted": "Les espaces qu’il restreint",
  "conditions.excluded": "Exclu : {dataset}",
  "conditions.access.closed": "Fermé",
  "conditions.access.in_discussion": "En discussion",
  "conditions.access.test": "Ouvert aux seuls comptes d’essai",
  "conditions.since": "depuis le {date}, entrée {index} du journal",
  "conditions.copy.title": "Ce que certains organismes n’envoient pas",
  "conditions.copy.lead": "Ces organismes n’envoient pas tout à tous les espaces. Le choix d’un espace reste le vôtre.",
  "conditions.copy.pair": "{holder} vers {platform} : {datasets}",
  "conditions.copy.error": "{holder} n’envoie pas vos données à {platform}. {reasons}",
  "conditions.withheld": "Ce qui n’est pas envoyé à cet espace",
} as const satisfies Record<keyof typeof enConditions, string>;
