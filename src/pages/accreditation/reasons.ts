import type { Words } from "../../core/catalogue/data-set.ts";
import { asRelaisError, RelaisError } from "../../core/errors.ts";
import { toldRefusal } from "../refusals.ts";
import type { FieldError, PersonVisit } from "../visit.ts";

/** Reasons are published in both languages. @throws RelaisError `invalid`. */
export function reasonsIn({ form, tongue }: PersonVisit): Words {
  const reasons = { fr: form.one("reasonFr"), en: form.one("reasonEn") };
  if (reasons.fr === "" || reasons.en === "") throw new RelaisError("invalid", tongue.t("review.error.reasons"));
  return reasons;
}

/** What can be done about it: null where it is left to the usual words. @throws RelaisError `invalid`. */
export function remedyIn({ form, tongue }: PersonVisit): Words | null {
  const remedy = { fr: form.one("remedyFr"), en: form.one("remedyEn") };
  if (remedy.fr === "" && remedy.en === "") return null;
  if (remedy.fr === "" || remedy.en === "") throw new RelaisError("invalid", tongue.t("review.error.remedy"));
  return remedy;
}

export function toldAs({ tongue }: PersonVisit, error: unknown, field: string): FieldError {
  const { code, message } = asRelaisError(error);
  if (code !== "invalid" && code !== "conflict") throw error;
  return { field, text: toldRefusal(tongue, message) };
}

/** What was written is not lost where something else was wrong. */
export function givenReasons({ form }: PersonVisit) {
  const [reasonFr, reasonEn, remedyFr, remedyEn] = ["reasonFr", "reasonEn", "remedyFr", "remedyEn"].map((name) => form.one(name));
  return { reasonFr, reasonEn, remedyFr, remedyEn };
}
