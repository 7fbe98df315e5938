import type { FullDate } from "./calendar.ts";

export const HOLDER_NAMES = ["energy", "insurance", "telecom"] as const;
export type HolderName = (typeof HOLDER_NAMES)[number];

/** A person who does not exist, for trials of every kind. */
export interface Persona {
  /** Also the key of what is drawn for this persona: it never changes. */
  id: string;
  displayName: string;
  email: string;
  /** The customer number at each holder that knows this persona. */
  customers: Partial<Record<HolderName, string>>;
}

export interface Home {
  type: "flat" | "house";
  squareMetres: number;
  rooms: number;
  occupants: number;
  builtIn: number;
  heating: "electric" | "heat-pump" | "gas";
  waterHeater: "electric" | "gas";
}

export interface EnergyAccount {
  customer: string;
  contract: string;
  deliveryPoint: string;
  opened: FullDate;
  power: 3 | 6 | 9;
  option: "base" | "off-peak";
  home: Home;
}

export interface TelecomAccount {
  customer: string;
  opened: FullDate;
  mobile: { contract: string; number: string; plan: "Sentier 5 Go" | "Vallon 80 Go" };
  /** Calls and messages on a usual day. */
  callsADay: number;
  box: { contract: string; vodAWeek: number } | null;
}

export interface Resident extends Persona {
  born: FullDate;
  address: { street: string; postcode: string; town: string };
  phone: string;
  energy: EnergyAccount | null;
  telecom: TelecomAccount | null;
}

const TANNEURS = { street: "14 rue des Tanneurs-Bleus", postcode: "49990", town: "Saint-Aubrac-sur-Vire" };

type Couple = [
  id: string,
  displayName: string,
  email: string,
  customer: string,
  born: FullDate,
  address: Resident["address"],
  phone: string,
  energy: Omit<EnergyAccount, "customer">,
];

const FLAT = {
  type: "flat",
  squareMetres: 61,
  rooms: 3,
  occupants: 2,
  builtIn: 1987,
  heating: "electric",
  waterHeater: "electric",
} as const;
const GLYCINES = { street: "8 passage des Glycines", postcode: "35990", town: "Montrelais-les-Bois" };
const CORBELIN = {
  contract: "C-EP-701122",
  deliveryPoint: "99100112200044",
  opened: "2026-02-02",
  power: 6,
  option: "base",
  home: FLAT,
} as const;
const FAUVET = { ...CORBELIN, contract: "C-EP-809900", deliveryPoint: "99100180900077", opened: "2026-03-16" } as const;

/** Two energy contracts of two people each (joint-contracts.ts). The Fauvets no longer live together. */
// oxfmt-ignore
const COUPLES: readonly Couple[] = [
  ["ines",  "Inès Corbelin", "ines@corbelin.example",  "EP-1011220", "1990-06-17", GLYCINES, "06 39 98 12 20", CORBELIN],
  ["paul",  "Paul Corbelin", "paul@corbelin.example",  "EP-1011221", "1989-09-08", GLYCINES, "06 39 98 12 21", CORBELIN],
  ["lucie", "Lucie Fauvet",  "lucie@fauvet.example",   "EP-1018090", "1992-01-29", { street: "3 cour des Tisserands", postcode: "44999", town: "Clairvent" }, "06 39 98 80 90", FAUVET],
  ["denis", "Denis Fauvet",  "denis@fauvet.example",   "EP-1018091", "1988-12-04", { street: "21 avenue du Grand-Pré", postcode: "44998", town: "Hautvoisin" }, "06 39 98 80 91", FAUVET],
];

const TOGETHER = COUPLES.map(([id, displayName, email, customer, born, address, phone, energy]): Resident => ({
  id,
  displayName,
  email,
  customers: { energy: customer },
  born,
  address,
  phone,
  energy: { ...energy, customer },
  telecom: null,
}));

/**
 * Streets and towns are invented. Telephone numbers are of the ranges that ARCEP keeps for fiction (decision 2018-0881:
 * 01 99 00 and 06 39 98), mail addresses of the domain that RFC 2606 keeps for examples.
 */
export const RESIDENTS: readonly Resident[] = [
  {
    id: "camille",
    displayName: "Camille Fontclair",
    email: "camille@fontclair.example",
    customers: { energy: "EP-1004417", insurance: "S-204417", telecom: "TV-70044170" },
    born: "1986-04-12",
    address: TANNEURS,
    phone: "06 39 98 01 14",
    energy: {
      customer: "EP-1004417",
      contract: "C-EP-558120",
      deliveryPoint: "99100044170012",
      opened: "2019-05-02",
      power: 6,
      option: "off-peak",
      home: { type: "flat", squareMetres: 84, rooms: 4, occupants: 3, builtIn: 1998, heating: "electric", waterHeater: "electric" },
    },
    telecom: {
      customer: "TV-70044170",
      opened: "2018-02-19",
      mobile: { contract: "M-70044170", number: "06 39 98 01 14", plan: "Vallon 80 Go" },
      callsADay: 10,
      box: { contract: "B-70044170", vodAWeek: 1.2 },
    },
  },
  {
    id: "karim",
    displayName: "Karim Belrive",
    email: "karim@belrive.example",
    customers: { insurance: "S-204418", telecom: "TV-70044188" },
    born: "1984-11-30",
    address: TANNEURS,
    phone: "06 39 98 01 15",
    energy: null,
    telecom: {
      customer: "TV-70044188",
      opened: "2021-09-06",
      mobile: { contract: "M-70044188", number: "06 39 98 01 15", plan: "Vallon 80 Go" },
      callsADay: 4,
      box: null,
    },
  },
  {
    id: "jeanne",
    displayName: "Jeanne Pervenche",
    email: "jeanne@pervenche.example",
    customers: { energy: "EP-1000932", insurance: "S-118203" },
    born: "1951-08-03",
    address: { street: "3 chemin du Four-à-Pain", postcode: "15999", town: "Les Essarts-du-Lys" },
    phone: "01 99 00 27 51",
    energy: {
      customer: "EP-1000932",
      contract: "C-EP-201774",
      deliveryPoint: "99100009320087",
      opened: "2011-10-17",
      power: 9,
      option: "base",
      home: { type: "house", squareMetres: 112, rooms: 5, occupants: 1, builtIn: 1974, heating: "heat-pump", waterHeater: "electric" },
    },
    telecom: null,
  },
  {
    id: "theo",
    displayName: "Théo Marsault",
    email: "theo@marsault.example",
    customers: { telecom: "TV-81900022" },
    born: "2007-01-25",
    address: { street: "Résidence des Halles-Vertes, chambre 212", postcode: "86990", town: "Port-Ormeau" },
    phone: "06 39 98 44 02",
    energy: null,
    telecom: {
      customer: "TV-81900022",
      opened: "2026-08-31",
      mobile: { contract: "M-81900022", number: "06 39 98 44 02", plan: "Sentier 5 Go" },
      callsADay: 0.5,
      box: null,
    },
  },
  {
    id: "loic-francois",
    displayName: "Loïc-François Œuvrard d’Haÿ-Muñoz",
    email: "loic-francois@oeuvrard.example",
    customers: { energy: "EP-1007005", insurance: "S-230071", telecom: "TV-73320050" },
    born: "1972-02-29",
    address: { street: "27 bis, quai de l’Île-aux-Cœurs", postcode: "29990", town: "Brisecombe-l’Évêque" },
    phone: "01 99 00 63 08",
    energy: {
      customer: "EP-1007005",
      contract: "C-EP-610433",
      deliveryPoint: "99100070050031",
      opened: "2022-03-14",
      power: 6,
      option: "base",
      home: { type: "house", squareMetres: 96, rooms: 4, occupants: 2, builtIn: 2009, heating: "gas", waterHeater: "gas" },
    },
    telecom: {
      customer: "TV-73320050",
      opened: "2020-06-22",
      mobile: { contract: "M-73320050", number: "06 39 98 63 08", plan: "Sentier 5 Go" },
      callsADay: 2,
      box: { contract: "B-73320050", vodAWeek: 2 },
    },
  },
  ...TOGETHER,
];

export function findResident(holder: HolderName, customer: string): Resident | null {
  return RESIDENTS.find((resident) => resident.customers[holder] === customer) ?? null;
}

/** Name and address as on an envelope. */
export function addressLines(resident: Resident): string[] {
  return [resident.displayName, resident.address.street, `${resident.address.postcode} ${resident.address.town}`];
}
