import type { DataSet } from "../../core/catalogue/data-set.ts";
import { asRelaisError, RelaisError } from "../../core/errors.ts";
import { asId } from "../../core/ids.ts";
import { answerMeeting } from "../../core/policy/answer-meeting.ts";
import type { ConditionPorts, Effect, OnBehalf } from "../../core/policy/change-conditions.ts";
import { ACCESS_STATES, type AccessState } from "../../core/policy/conditions.ts";
import { excludePlatform, liftExclusion } from "../../core/policy/exclude-platform.ts";
import { moveInMatrix } from "../../core/policy/move-in-matrix.ts";
import { previewChange, type Affected, type Preview } from "../../core/policy/preview-change.ts";
import { REASONS } from "../../core/policy/reasons.ts";
import { setConditions, unsetConditions } from "../../core/policy/set-conditions.ts";
import { memberOf } from "../accreditation/caller.ts";
import type { Tongue } from "../tongue.ts";
import { toldRefusal } from "../refusals.ts";
import type { Answer, FieldError, Form, PagesPorts, PersonVisit } from "../visit.ts";

type Work = (ports: ConditionPorts, who: OnBehalf) => Promise<Effect>;

/** What a form of the holder's pages asks for, by its `act`. */
const WORKS: Record<string, (visit: PersonVisit) => Work> = {
  set: ({ form, tongue }) => {
    const wanted = {
      dataset: form.one("dataset"),
      minimumLevel: levelIn(form),
      regions: form
        .one("regions")
        .toUpperCase()
        .split(/[\s,;]+/)
        .filter((one) => one !== ""),
      certificates: form.all("certificates"),
    };
    const isMore = wanted.minimumLevel > 1 || wanted.regions.length > 0 || wanted.certificates.length > 0;
    const reason = isMore ? reasonIn(form, tongue) : reasonOrNone(form);
    return (ports, who) => setConditions(ports, who, { ...wanted, reason });
  },
  unset:
    ({ form }) =>
    (ports, who) =>
      unsetConditions(ports, who, { dataset: form.one("dataset") }),
  exclude: (visit) => {
    const excluded = { platformId: platformIn(visit), dataset: visit.form.one("dataset"), reason: reasonIn(visit.form, visit.tongue) };
    return (ports, who) => excludePlatform(ports, who, excluded);
  },
  lift: (visit) => (ports, who) => liftExclusion(ports, who, { platformId: platformIn(visit), dataset: visit.form.one("dataset") }),
  access: (visit) => {
    const move = { platformId: platformIn(visit), ...movementIn(visit) };
    return (ports, who) => moveInMatrix(ports, who, move);
  },
  answer: (visit) => {
    const answer = { meetingId: asId("meeting", visit.form.one("meeting")), ...movementIn(visit) };
    return (ports, who) => answerMeeting(ports, who, answer);
  },
};

function workOf(visit: PersonVisit): Work {
  const act = visit.form.one("act");
  const found = Object.hasOwn(WORKS, act) ? WORKS[act] : undefined;
  if (!found) throw new RelaisError("invalid", "This form is not one of this page.");
  return found(visit);
}

function platformIn({ params }: PersonVisit) {
  return asId("participant", params["platform"]);
}

function levelIn(form: Form): 0 | 1 | 2 {
  return form.one("level") === "2" ? 2 : form.one("level") === "0" ? 0 : 1;
}

function movementIn({ form, tongue }: PersonVisit) {
  const state = stateIn(form);
  if (state === null) throw new RelaisError("invalid", tongue.t("holder.error.state"));
  const accounts = form
    .one("testAccounts")
    .split(/\r?\n/)
    .map((line) => line.trim());
  return {
    state,
    reason: state === "open" ? null : reasonIn(form, tongue),
    testAccounts: state === "test" ? accounts.filter((line) => line !== "") : [],
  };
}

function stateIn(form: Form): AccessState | null {
  return ACCESS_STATES.find((known) => known === form.one("state")) ?? null;
}

/** A reason is public, in both languages. @throws RelaisError `invalid`. */
function reasonIn(form: Form, tongue: Tongue): { fr: string; en: string } {
  const reason = reasonOrNone(form);
  if (reason === null || reason.fr === "" || reason.en === "") throw new RelaisError("invalid", tongue.t("review.error.reasons"));
  return reason;
}

function reasonOrNone(form: Form): { fr: string; en: string } | null {
  const reason = { fr: form.one("reasonFr"), en: form.one("reasonEn") };
  return reason.fr === "" && reason.en === "" ? null : reason;
}

interface Places {
  /** Where the person goes on once it is done. */
  done: string;
  /** The page of the form, with what has to be corrected. */
  again(errors: FieldError[]): Promise<Answer>;
  /** The field at which an error is told. */
  field: string;
}

/** First shows what a change would do now, then, once the person confirmed it, makes it: on the version that was shown, or not at all. */
export async function changeFromForm(ports: PagesPorts, visit: PersonVisit, { done, again, field }: Places): Promise<Answer> {
  const { participantId } = await memberOf(ports, visit);
  const { form } = visit;
  const who: OnBehalf = { caller: participantId, holderId: participantId, version: form.one("version") };
  try {
    const work = workOf(visit);
    if (form.one("step") !== "confirm") {
      const { datasets } = await ports.store.read((r) => r.participants.get(participantId));
      return previewPage(visit, done, await previewChange(ports, who, (on) => work(on, who)), datasets);
    }
    await work(ports, who);
    return { kind: "redirect", to: done };
  } catch (error) {
    return again([toldAs(visit, error, field)]);
  }
}

/** A refusal that the person can mend is told at the form; everything else is a problem page. */
export function toldAs({ tongue }: PersonVisit, error: unknown, field: string): FieldError {
  const { code, message } = asRelaisError(error);
  if (code === "stale") return { field, text: tongue.t("problem.stale.meaning") };
  if (!["invalid", "conflict", "rate_limited", "not_accredited", "unsupported", "too_large"].includes(code)) throw error;
  return { field, text: toldRefusal(tongue, message) };
}

/** Members of the forms, carried through the preview as they were sent. */
const FIELDS = [
  "act",
  "dataset",
  "level",
  "regions",
  "certificates",
  "reasonFr",
  "reasonEn",
  "state",
  "testAccounts",
  "meeting",
  "version",
];
/** Platforms that are named in a preview; the rest is counted. */
const MOST_NAMED = 50;

function previewPage(visit: PersonVisit, back: string, preview: Preview, datasets: DataSet[]): Answer {
  const { tongue, form, path } = visit;
  const { t } = tongue;
  const groups = [
    { title: t("holder.preview.shutOut", { count: preview.shutOut.length }), list: preview.shutOut },
    { title: t("holder.preview.letIn", { count: preview.letIn.length }), list: preview.letIn },
  ];
  const model = {
    backHref: back,
    action: `/${tongue.lang}${path}`,
    paused: t("holder.preview.paused", { count: preview.paused }),
    resumed: t("holder.preview.resumed", { count: preview.resumed }),
    groups: groups.map(({ title, list }) => ({
      title,
      rows: list.slice(0, MOST_NAMED).map((one) => rowOfAffected(tongue, one, datasets)),
      more: list.length > MOST_NAMED ? t("holder.preview.more", { count: list.length - MOST_NAMED }) : null,
    })),
    fields: FIELDS.flatMap((name) => form.all(name).map((value) => ({ name, value }))),
  };
  return { kind: "page", template: "holder-preview", title: t("holder.preview.title"), model };
}

function rowOfAffected({ lang }: Tongue, { platformId, name, datasets, reasons }: Affected, known: DataSet[]) {
  return {
    name,
    href: `/${lang}/register/${platformId}`,
    datasets: datasets.map((id) => known.find((one) => one.id === id)?.title[lang] ?? id).join(", "),
    because: reasons.map((one) => REASONS[one].sentence[lang]),
  };
}
