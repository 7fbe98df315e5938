import { RelaisError } from "../../core/errors.ts";
import { CERTIFICATES } from "../../core/policy/certificates.ts";
import { versionOf } from "../../core/policy/change-conditions.ts";
import { EVERY_DATASET, type Condition } from "../../core/policy/conditions.ts";
import type { Participant } from "../../core/register/participant.ts";
import { memberOf } from "../accreditation/caller.ts";
import { viewOfConditions } from "../register/conditions.ts";
import type { Tongue } from "../tongue.ts";
import { pathOf, type Answer, type FieldError, type PagesPorts, type PersonVisit } from "../visit.ts";
import { changeFromForm } from "./change.ts";

/** The holder that the visitor acts for, with what it says. @throws RelaisError `not_found` where it is no holder. */
export async function readHolder(ports: PagesPorts, visit: PersonVisit) {
  const { participantId } = await memberOf(ports, visit);
  const { holder, said } = await ports.store.read(async (r) => ({
    holder: await r.participants.get(participantId),
    said: await r.conditions.of(participantId),
  }));
  if (!holder.roles.includes("holder"))
    throw new RelaisError("not_found", "This participant has no data sets to set conditions for.", { actor: "person" });
  return { holder, said };
}

/** What the holder asks of every platform, data set by data set, and the form for one of them. */
export async function showConditions(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  const { tongue, query, form } = visit;
  const { holder, said } = await readHolder(ports, visit);
  const scopes = scopesOf(tongue, holder);
  const wanted = form.one("dataset") || query.one("dataset");
  const chosen = scopes.find(({ value }) => value === wanted)?.value ?? null;
  const asked = viewOfConditions(tongue, holder, { ...said, names: new Map() })?.asked ?? [];
  const here = pathOf(visit, `/organisation/${holder.id}/conditions`);
  const model = {
    id: holder.id,
    name: holder.name,
    version: versionOf(said),
    scopes: scopes.map(({ value, text }) => {
      const place = said.conditions.findIndex(({ dataset }) => dataset === value);
      const reason = said.conditions[place]?.reason?.[tongue.lang];
      return {
        value,
        text,
        href: `${here}?${new URLSearchParams({ dataset: value })}`,
        said: place < 0 ? null : { ...asked[place], because: reason && tongue.t("holder.because", { reason }) },
      };
    }),
    chosen:
      chosen && viewOfForm(visit, { scopes, chosen, present: said.conditions.find(({ dataset }) => dataset === chosen) ?? null }, errors),
    errors,
  };
  return {
    kind: "page",
    template: "holder-conditions",
    title: tongue.t("holder.conditions.title"),
    model,
    status: errors.length > 0 ? 422 : 200,
  };
}

export function scopesOf({ t, lang }: Tongue, holder: Participant): { value: string; text: string }[] {
  return [{ value: EVERY_DATASET, text: t("holder.every") }, ...holder.datasets.map(({ id, title }) => ({ value: id, text: title[lang] }))];
}

/** What the form is filled with: what was sent, where something has to be corrected; what stands, otherwise. */
interface Filled {
  level: string;
  regions: string;
  certificates: string[];
  given: { reasonFr: string; reasonEn: string };
}

function sentIn(form: PersonVisit["form"]): Filled {
  return {
    level: form.one("level"),
    regions: form.one("regions"),
    certificates: form.all("certificates"),
    given: { reasonFr: form.one("reasonFr"), reasonEn: form.one("reasonEn") },
  };
}

const NOTHING: Filled = { level: "1", regions: "", certificates: [], given: { reasonFr: "", reasonEn: "" } };

function standingIn({ minimumLevel, regions, certificates, reason }: Condition): Filled {
  const given = reason === null ? NOTHING.given : { reasonFr: reason.fr, reasonEn: reason.en };
  return { level: String(minimumLevel), regions: regions.join(", "), certificates, given };
}

function viewOfForm(
  { tongue, form }: PersonVisit,
  { scopes, chosen, present }: { scopes: { value: string; text: string }[]; chosen: string; present: Condition | null },
  errors: FieldError[],
) {
  const isSent = errors.length > 0 && form.one("act") === "set";
  const { level, regions, certificates, given } = isSent ? sentIn(form) : present ? standingIn(present) : NOTHING;
  return {
    dataset: chosen,
    title: scopes.find(({ value }) => value === chosen)?.text ?? chosen,
    levels: (["1", "2", "0"] as const).map((value) => ({ value, text: tongue.t(`holder.level.${value}`), checked: value === level })),
    regions,
    certificates: Object.entries(CERTIFICATES).map(([value, title]) => ({
      value,
      text: title[tongue.lang],
      checked: certificates.includes(value),
    })),
    given,
  };
}

export async function changeConditionsForm(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  return changeFromForm(ports, visit, {
    done: pathOf(visit, `/organisation/${visit.params["id"]}/conditions`),
    again: (errors) => showConditions(ports, visit, errors),
    field: "conditions",
  });
}
