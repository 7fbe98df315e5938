import { addMonths, type Consent } from "../../core/consent/consent.ts";
import { amendConsent } from "../../core/consent/amend-consent.ts";
import { ownConsent } from "../../core/consent/decide-consent.ts";
import { isChangeable } from "../../core/consent/succession.ts";
import { formsFrom, isForm, type Form } from "../../core/conversion/conversions.ts";
import type { Words } from "../../core/catalogue/data-set.ts";
import { asRelaisError, RelaisError } from "../../core/errors.ts";
import { asId } from "../../core/ids.ts";
import { toldRefusal } from "../refusals.ts";
import type { Tongue } from "../tongue.ts";
import { pathOf, type Answer, type Choice, type FieldError, type PagesPorts, type PersonVisit } from "../visit.ts";
import { lastDayOf, oftenOf } from "./facts.ts";

/** Months from today for which a permission can be given or renewed. */
const MONTHS = [1, 3, 6, 12] as const;
const RHYTHMS = [null, "P1D", "P1W", "P1M"] as const;
/** In forms, where nothing is said by an empty text. */
const ONCE = "once";

/** What is wished: as it is now, until something else is chosen. */
interface Wish {
  datasets: string[];
  expires: string;
  recurrence: string | null;
  forms: Form[];
}

export function showChange(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  return changePage(ports, visit, { isRenewal: false });
}

/** The same with a later day, and nothing else. */
export function showRenewal(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  return changePage(ports, visit, { isRenewal: true });
}

async function changePage(
  ports: PagesPorts,
  visit: PersonVisit,
  { isRenewal, wish, errors = [] }: { isRenewal: boolean; wish?: Wish; errors?: FieldError[] },
): Promise<Answer> {
  const { tongue } = visit;
  const { consent, offered, forms } = await changeable(ports, visit);
  const { source, destination } = consent.notice;
  const wished = wish ?? {
    datasets: consent.datasets,
    expires: consent.notice.expires,
    recurrence: consent.notice.recurrence,
    forms: consent.forms,
  };
  const title = tongue.t(isRenewal ? "renew.title" : "change.title");
  const model = {
    id: consent.id,
    fromTo: tongue.t("permission.fromTo", { source: source.name, destination: destination.name }),
    lead: tongue.t(isRenewal ? "renew.lead" : "change.lead"),
    isRenewal,
    wished: { ...wished, recurrence: wished.recurrence ?? ONCE },
    datasets: offered.map(({ id, title: name }) => ({ id, title: name[tongue.lang], checked: wished.datasets.includes(id) })),
    days: daysFor(tongue, { consent, wished, isRenewal, now: ports.clock.now() }),
    rhythms: rhythmsFor(tongue, consent, wished),
    forms: forms.map((form) => ({ form, checked: wished.forms.includes(form) })),
    errors,
  };
  return { kind: "page", template: "change", title, model, status: errors.length > 0 ? 422 : 200 };
}

interface Changeable {
  consent: Consent;
  offered: { id: string; title: Words }[];
  forms: Form[];
}

/** What the source gives back now; a platform names only what the account held, and that is what the permission names. */
async function changeable(ports: PagesPorts, visit: PersonVisit): Promise<Changeable> {
  return ports.store.read(async (r) => {
    const consent = await ownConsent(r, asId("consent", visit.params["id"]), visit.personId);
    if (!isChangeable(consent) || consent.expiresAt <= ports.clock.now())
      throw new RelaisError("conflict", "This permission has already ended.", { actor: "person" });
    const { datasets } = await r.participants.get(consent.sourceId);
    return {
      consent,
      offered: datasets.length > 0 ? datasets : consent.notice.datasets,
      forms: formsFrom(datasets.flatMap(({ mediaTypes }) => mediaTypes)),
    };
  });
}

interface Days {
  consent: Consent;
  wished: Wish;
  isRenewal: boolean;
  now: Date;
}

function daysFor(tongue: Tongue, { consent, wished, isRenewal, now }: Days): Choice[] {
  const { expires } = consent.notice;
  const ahead = MONTHS.map((months) => ({ months, day: addMonths(now, months).toISOString().slice(0, 10) }));
  const others = ahead.filter(({ day }) => (isRenewal ? day > expires : day !== expires));
  const choice = (day: string, text: string): Choice => ({ value: day, text, checked: !isRenewal && day === wished.expires });
  return [
    ...(isRenewal ? [] : [choice(expires, tongue.t("change.untilAsNow", { date: lastDayOf(tongue, { expires }) }))]),
    ...others.map(({ months, day }) => choice(day, tongue.t("change.until", { months, date: lastDayOf(tongue, { expires: day }) }))),
  ];
}

function rhythmsFor(tongue: Tongue, { notice }: Consent, wished: Wish): Choice[] {
  const known = new Set<string | null>([...RHYTHMS, notice.recurrence]);
  return [...known].map((recurrence) => ({
    value: recurrence ?? ONCE,
    text: oftenOf(tongue, { recurrence }),
    checked: recurrence === wished.recurrence,
  }));
}

/** Makes the proposal, and leads to the page that shows the difference: there it is answered. */
export async function proposeChange(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const { form, tongue, personId } = visit;
  const isRenewal = form.one("renewal") === "yes";
  const { consent } = await changeable(ports, visit);
  const recurrence = rhythmIn(form.one("recurrence"), consent);
  const wish = {
    datasets: form.all("datasets"),
    expires: form.one("expires"),
    recurrence: recurrence ?? null,
    forms: form.all("forms").filter(isForm),
  };
  const errors = missingIn(tongue, { ...wish, isRhythm: recurrence !== undefined });
  if (errors.length > 0) return changePage(ports, visit, { isRenewal, wish, errors });
  try {
    const terms = { consentId: consent.id, personId, retention: consent.notice.retention, requester: null, language: tongue.lang };
    const { id } = await amendConsent(ports, { ...terms, ...wish });
    return { kind: "redirect", to: pathOf(visit, `/permissions/${id}/decide`) };
  } catch (error) {
    return changePage(ports, visit, { isRenewal, wish, errors: [told(tongue, error)] });
  }
}

/** Undefined where it is none of the page. */
function rhythmIn(text: string, { notice }: Consent): string | null | undefined {
  if (text === ONCE) return null;
  return [...RHYTHMS, notice.recurrence].find((known) => known !== null && known === text);
}

function missingIn({ t }: Tongue, { datasets, expires, isRhythm }: Wish & { isRhythm: boolean }): FieldError[] {
  return [
    ...(datasets.length === 0 ? [{ field: "datasets", text: t("change.error.nothing") }] : []),
    ...(/^\d{4}-\d{2}-\d{2}$/.test(expires) ? [] : [{ field: "expires", text: t("change.error.day") }]),
    ...(isRhythm ? [] : [{ field: "recurrence", text: t("change.error.often") }]),
  ];
}

function told(tongue: Tongue, error: unknown): FieldError {
  const { code, message } = asRelaisError(error);
  if (code !== "conflict" && code !== "invalid" && code !== "condition_unmet") throw error;
  return { field: "expires", text: toldRefusal(tongue, message) };
}
