import { addMonths, monthsOf } from "./calendar.ts";
import type { FullDate, Period } from "./calendar.ts";
import type { Cents } from "./money.ts";

export interface InsuredObject {
  id: string;
  kind: "home" | "car" | "bicycle" | "boat";
  description: string;
  /** Plate, serial number or frame number; invented. */
  mark: string | null;
}

export interface InsuranceContract {
  number: string;
  product: "home" | "vehicle" | "accidents";
  formula: string;
  start: FullDate;
  /** Personas who hold it. With two, `rule` says who may ask for its data. */
  parties: string[];
  rule: "single-holder" | "any-holder" | "all-holders";
  /** Premium of the first year, taxes included. */
  firstPremium: Cents;
  excess: Cents;
  objects: InsuredObject[];
}

/** Camille and Karim hold one contract together. A joint contract is one fact: both accounts give the same bytes. */
export const CONTRACTS: readonly InsuranceContract[] = [
  {
    number: "HAB-204417",
    product: "home",
    formula: "Quai Confort",
    start: "2020-03-01",
    parties: ["camille", "karim"],
    rule: "any-holder",
    firstPremium: 28_680,
    excess: 13_500,
    objects: [{ id: "logement-1", kind: "home", description: "Appartement, 4 pièces, 84 m²", mark: null }],
  },
  {
    number: "AUT-204431",
    product: "vehicle",
    formula: "Tous dommages",
    start: "2022-06-15",
    parties: ["camille"],
    rule: "single-holder",
    firstPremium: 51_240,
    excess: 32_000,
    objects: [{ id: "voiture-1", kind: "car", description: "Alizé Citadine 1.0, 2022", mark: "ZZ-104-WW" }],
  },
  {
    number: "MOB-204502",
    product: "vehicle",
    formula: "Vélo",
    start: "2024-09-02",
    parties: ["karim"],
    rule: "single-holder",
    firstPremium: 8_940,
    excess: 5_000,
    objects: [{ id: "velo-1", kind: "bicycle", description: "Vélo à assistance électrique Mistral 3", mark: "MS3-0049127" }],
  },
  {
    number: "HAB-118203",
    product: "home",
    formula: "Quai Essentiel",
    start: "2009-01-01",
    parties: ["jeanne"],
    rule: "single-holder",
    firstPremium: 24_150,
    excess: 15_000,
    objects: [{ id: "logement-1", kind: "home", description: "Maison, 5 pièces, 112 m²", mark: null }],
  },
  {
    number: "ACC-118377",
    product: "accidents",
    formula: "Accidents de la vie",
    start: "2016-11-20",
    parties: ["jeanne"],
    rule: "single-holder",
    firstPremium: 13_320,
    excess: 0,
    objects: [],
  },
  {
    number: "HAB-230071",
    product: "home",
    formula: "Quai Confort",
    start: "2022-03-14",
    parties: ["loic-francois"],
    rule: "single-holder",
    firstPremium: 31_020,
    excess: 13_500,
    objects: [{ id: "logement-1", kind: "home", description: "Maison, 4 pièces, 96 m², quai de l’Île-aux-Cœurs", mark: null }],
  },
  {
    number: "PLA-230099",
    product: "vehicle",
    formula: "Plaisance",
    start: "2023-05-01",
    parties: ["loic-francois"],
    rule: "single-holder",
    firstPremium: 19_860,
    excess: 25_000,
    objects: [{ id: "bateau-1", kind: "boat", description: "Canot à moteur Goéland, 5,2 m", mark: "BR-Z00418" }],
  },
];

/** Contracts of a persona that had begun by then. */
export function contractsOf(persona: string, until: FullDate): InsuranceContract[] {
  return CONTRACTS.filter((contract) => contract.parties.includes(persona) && contract.start <= until);
}

/** The day on which the present year of the contract began. */
export function yearStart(contract: InsuranceContract, on: FullDate): FullDate {
  const anniversary = `${on.slice(0, 4)}${contract.start.slice(4)}`;
  return anniversary <= on ? anniversary : addMonths(anniversary, -12);
}

/** Premiums rise by 3 % of the first one each year. */
export function premiumFrom(contract: InsuranceContract, start: FullDate): Cents {
  const years = Number(start.slice(0, 4)) - Number(contract.start.slice(0, 4));
  return contract.firstPremium + Math.round((contract.firstPremium * 3 * years) / 100);
}

export interface Payment {
  due: FullDate;
  amount: Cents;
  yearStart: FullDate;
}

/** Twelve payments for each year of the contract; the first one bears what twelve does not divide. Up to the end of the present year. */
export function paymentsOf(contract: InsuranceContract, period: Period): Payment[] {
  const end = addMonths(yearStart(contract, period.until), 11);
  const from = contract.start > period.from ? contract.start : period.from;
  const dues = monthsOf({ from, until: end }).map((month) => `${month}${contract.start.slice(7)}`);
  return dues.filter((due) => due >= from && due <= end).map((due) => paymentOn(contract, due));
}

function paymentOn(contract: InsuranceContract, due: FullDate): Payment {
  const start = yearStart(contract, due);
  const premium = premiumFrom(contract, start);
  const part = Math.floor(premium / 12);
  return { due, amount: due === start ? premium - 11 * part : part, yearStart: start };
}
