import { ACTS, type Consent } from "./consent.ts";

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
  object: { exercise: Exercise; datasets: string[]; deliverTo: string };
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

const EXERCISES = { copy: "portability", erase: "erasure", propose: "rectification" } as const satisfies Record<
  Consent["action"],
  Exercise
>;

export function exerciseOf({ action }: Pick<Consent, "action">): Exercise {
  return EXERCISES[action];
}

/** What a yes to this notice consists of. A right to have something corrected is exercised where the correction goes, any other one where the data is. */
export function actsOf(consent: Consent, given: { datasets: string[]; mandatary: Mandatary; at: Date }): GivenAct[] {
  const { notice, noticeHash } = consent;
  const { datasets, mandatary } = given;
  const at = given.at.toISOString();
  const acts = {
    mandate: {
      act: "mandate",
      at,
      towards: notice.action === "propose" ? notice.destination.entityId : notice.source.entityId,
      mandatary,
      object: { exercise: exerciseOf(consent), datasets, deliverTo: notice.destination.entityId },
      duration: { from: at.slice(0, 10), until: notice.expires },
    },
    consent: { act: "consent", at, towards: notice.destination.entityId, datasets, purpose: notice.purpose.iri, notice: noticeHash },
  } as const satisfies Record<GivenAct["act"], GivenAct>;
  return ACTS[consent.action].map((act) => acts[act]);
}
