import type { Form } from "../conversion/conversions.ts";
import type { Exercise, GivenAct, Mandatary } from "./acts.ts";
import { ACTS, type Consent } from "./consent.ts";

const EXERCISES = { copy: "portability", erase: "erasure", propose: "rectification" } as const satisfies Record<
  Consent["action"],
  Exercise
>;

export function exerciseOf({ action }: Pick<Consent, "action">): Exercise {
  return EXERCISES[action];
}

/** What a yes to this notice consists of. A right to have something corrected is exercised where the correction goes, any other one where the data is. */
export function actsOf(consent: Consent, given: { datasets: string[]; forms: Form[]; mandatary: Mandatary; at: Date }): GivenAct[] {
  const { notice, noticeHash } = consent;
  const { datasets, forms, mandatary } = given;
  const at = given.at.toISOString();
  const acts = {
    mandate: {
      act: "mandate",
      at,
      towards: notice.action === "propose" ? notice.destination.entityId : notice.source.entityId,
      mandatary,
      object: { exercise: exerciseOf(consent), datasets, deliverTo: notice.destination.entityId, ...(forms.length > 0 ? { forms } : {}) },
      duration: { from: at.slice(0, 10), until: notice.expires },
    },
    consent: { act: "consent", at, towards: notice.destination.entityId, datasets, purpose: notice.purpose.iri, notice: noticeHash },
  } as const satisfies Record<GivenAct["act"], GivenAct>;
  return ACTS[consent.action].map((act) => acts[act]);
}
