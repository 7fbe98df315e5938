import type { Form } from "../conversion/conversions.ts";

/** Who acts for the person: whoever runs this Relais. */
export interface Mandatary {
  name: string;
  entityId: string;
}

/**
 * The mandate towards the source (CNIL, délibération 2021-070): whoever runs Relais asks in the person's name. It needs an object and a
 * duration, and gives no right to use what passes.
 */
export interface Mandate {
  act: "mandate";
  /** RFC 3339. */
  at: string;
  /** Entity identifier of the source. */
  towards: string;
  mandatary: Mandatary;
  /** `forms`: in which a copy is to be made of each original; absent where the person wants none. */
  object: { exercise: Exercise; datasets: string[]; deliverTo: string; forms?: Form[] };
  /** Full-dates, both included. */
  duration: { from: string; until: string };
}

/** The consent towards the destination: it may receive and use, for one purpose. */
export interface GivenConsent {
  act: "consent";
  at: string;
  /** Entity identifier of the destination. */
  towards: string;
  datasets: string[];
  purpose: string;
  notice: string;
}

/** Two acts of one person at one moment, kept apart: they answer to different people, and end by different laws. */
export type GivenAct = Mandate | GivenConsent;

/** The right that is exercised for the person: GDPR articles 20, 17 and 16. */
export type Exercise = "portability" | "erasure" | "rectification";
