import type { DataKind, DataSet, Words } from "../../core/catalogue/data-set.ts";
import type { HolderName } from "./people.ts";

const JSON_ONLY = ["application/json"];
const PDF_ONLY = ["application/pdf"];
const JSON_AND_PDF = ["application/json", "application/pdf"];

type Row = [id: string, kind: DataKind, updateFrequency: string, mediaTypes: string[], title: Words, description: Words, example: Words];

const ENERGY: readonly Row[] = [
  [
    "energy.contract",
    "administrative",
    "P1Y",
    JSON_ONLY,
    { fr: "Contrat d’électricité", en: "Electricity contract" },
    {
      fr: "Votre contrat : adresse, point de livraison, puissance, option et prix.",
      en: "Your contract: address, delivery point, power, option and prices.",
    },
    {
      fr: "Contrat C-EP-558120, 6 kVA, heures creuses, depuis le 2 mai 2019",
      en: "Contract C-EP-558120, 6 kVA, off-peak option, since 2 May 2019",
    },
  ],
  [
    "energy.consumption.daily",
    "trace",
    "P1D",
    JSON_ONLY,
    { fr: "Consommation jour par jour", en: "Consumption day by day" },
    {
      fr: "L’électricité utilisée chaque jour chez vous, sur trois ans. Elle montre vos absences.",
      en: "The electricity used in your home each day, for three years. It shows when you are away.",
    },
    { fr: "14 janvier 2026 : 21,2 kWh, 5,2 °C dehors", en: "14 January 2026: 21.2 kWh, 5.2 °C outside" },
  ],
  [
    "energy.consumption.half-hourly",
    "trace",
    "P1D",
    JSON_ONLY,
    { fr: "Consommation par demi-heure", en: "Consumption by the half-hour" },
    {
      fr: "48 mesures par jour, sur trois ans. Elles laissent voir vos heures de lever, de repas et de coucher.",
      en: "48 readings a day, for three years. They let one see when you get up, eat and go to bed.",
    },
    { fr: "14 janvier 2026, de 19 h à 19 h 30 : 483 Wh", en: "14 January 2026, from 7 to 7.30 p.m.: 483 Wh" },
  ],
  [
    "energy.bills",
    "transactional",
    "P1M",
    JSON_AND_PDF,
    { fr: "Factures d’électricité", en: "Electricity bills" },
    { fr: "Chaque facture deux fois : ses montants, et le document PDF.", en: "Each bill twice: its amounts, and the PDF document." },
    { fr: "Mars 2026 : 116,22 €, prélevés le 19 avril", en: "March 2026: €116.22, debited on 19 April" },
  ],
  [
    "energy.home",
    "administrative",
    "P1Y",
    JSON_ONLY,
    { fr: "Profil énergétique du logement", en: "Energy profile of the home" },
    {
      fr: "Ce que vous avez déclaré de votre logement : surface, chauffage, nombre d’occupants.",
      en: "What you stated about your home: surface, heating, number of occupants.",
    },
    { fr: "Appartement de 84 m², trois occupants, chauffage électrique", en: "Flat of 84 m², three occupants, electric heating" },
  ],
];

const INSURANCE: readonly Row[] = [
  [
    "insurance.contracts",
    "administrative",
    "P1Y",
    JSON_ONLY,
    { fr: "Contrats d’assurance", en: "Insurance contracts" },
    {
      fr: "Vos contrats, leurs garanties et leurs titulaires. Un contrat commun nomme aussi l’autre titulaire.",
      en: "Your contracts, their covers and who holds them. A joint contract names the other holder too.",
    },
    { fr: "HAB-204417, habitation, Quai Confort, deux titulaires", en: "HAB-204417, home, Quai Confort, two holders" },
  ],
  [
    "insurance.insured-objects",
    "administrative",
    "P1Y",
    JSON_ONLY,
    { fr: "Biens assurés", en: "Insured objects" },
    { fr: "Ce que vos contrats couvrent : logement, voiture, vélo, bateau.", en: "What your contracts cover: home, car, bicycle, boat." },
    { fr: "Vélo à assistance électrique Mistral 3", en: "Electric bicycle Mistral 3" },
  ],
  [
    "insurance.claims",
    "transactional",
    "P1D",
    JSON_ONLY,
    { fr: "Sinistres", en: "Claims" },
    { fr: "Vos déclarations de sinistre, leurs étapes et les indemnités.", en: "The claims you made, their steps and the compensation." },
    { fr: "Bris de glace du 3 novembre 2024 : 121,63 € versés", en: "Broken glass of 3 November 2024: €121.63 paid" },
  ],
  [
    "insurance.payment-schedule",
    "transactional",
    "P1M",
    JSON_ONLY,
    { fr: "Échéancier des cotisations", en: "Payment schedule" },
    {
      fr: "Ce que vous avez payé chaque mois, et ce qui reste à venir cette année.",
      en: "What you paid each month, and what is still to come this year.",
    },
    { fr: "1er juin 2026 : 28,20 €, payés", en: "1 June 2026: €28.20, paid" },
  ],
  [
    "insurance.documents",
    "administrative",
    "P1Y",
    PDF_ONLY,
    { fr: "Attestations d’assurance", en: "Insurance certificates" },
    { fr: "Les attestations annuelles de vos contrats, en PDF.", en: "The yearly certificates of your contracts, as PDF." },
    { fr: "Attestation habitation 2026", en: "Home certificate 2026" },
  ],
];

const TELECOM: readonly Row[] = [
  [
    "telecom.contract",
    "administrative",
    "P1Y",
    JSON_ONLY,
    { fr: "Contrats de téléphone et d’internet", en: "Telephone and internet contracts" },
    { fr: "Vos abonnements : numéro de ligne, forfait, prix.", en: "What you subscribe to: line number, plan, price." },
    { fr: "Ligne 06 39 98 01 14, forfait Vallon 80 Go", en: "Line 06 39 98 01 14, plan Vallon 80 Go" },
  ],
  [
    "telecom.call-log",
    "trace",
    "PT1H",
    JSON_ONLY,
    { fr: "Journal des appels et des messages", en: "Log of calls and messages" },
    {
      fr: "Qui, quand, combien de temps ; jamais le contenu. Les numéros sont ceux d’autres personnes.",
      en: "Who, when, how long; never the content. The numbers are those of other people.",
    },
    { fr: "14 mars 2026, 13 h 47 : appel vers 01 99 00 14 34, 230 s", en: "14 March 2026, 1.47 p.m.: call to 01 99 00 14 34, 230 s" },
  ],
  [
    "telecom.bills",
    "transactional",
    "P1M",
    JSON_AND_PDF,
    { fr: "Factures de téléphone et d’internet", en: "Telephone and internet bills" },
    { fr: "Chaque facture deux fois : ses montants, et le document PDF.", en: "Each bill twice: its amounts, and the PDF document." },
    { fr: "Mars 2026 : 66,17 €, prélevés le 12 avril", en: "March 2026: €66.17, debited on 12 April" },
  ],
  [
    "telecom.vod-history",
    "trace",
    "PT1H",
    JSON_ONLY,
    { fr: "Vidéos regardées", en: "Videos watched" },
    {
      fr: "Les films et épisodes que vous avez regardés, et leur prix. Ils disent vos goûts.",
      en: "The films and episodes that you watched, and their price. They tell your tastes.",
    },
    { fr: "9 mai 2026, 20 h 41 : « Vent d’amont », 3,99 €", en: "9 May 2026, 8.41 p.m.: “Vent d’amont”, €3.99" },
  ],
];

const ROWS: Readonly<Record<HolderName, readonly Row[]>> = { energy: ENERGY, insurance: INSURANCE, telecom: TELECOM };

/** What a reference holder can give back, in the order in which it says so. */
export function dataSetsOf(holder: HolderName): DataSet[] {
  return ROWS[holder].map(([id, kind, updateFrequency, mediaTypes, title, description, example]) => ({
    id,
    kind,
    title,
    description,
    example,
    mediaTypes: [...mediaTypes],
    updateFrequency,
  }));
}
