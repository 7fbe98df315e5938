import { asId } from "../../core/ids.ts";
import { askToOpen } from "../../core/policy/ask-to-open.ts";
import type { Meeting } from "../../core/policy/meetings.ts";
import { RelaisError } from "../../core/errors.ts";
import { memberOf } from "../accreditation/caller.ts";
import type { Tongue } from "../tongue.ts";
import { pathOf, type Answer, type FieldError, type PagesPorts, type PersonVisit } from "../visit.ts";
import { toldAs } from "./change.ts";
import { rowsOfRestrictions } from "./restrictions.ts";

const MOST = 100;

export function rowOfMeeting({ t, lang, date }: Tongue, { askedAt, answeredAt, state, reason, message }: Meeting, name: string) {
  return {
    name,
    at: date(askedAt),
    iso: askedAt.toISOString(),
    message,
    answer:
      answeredAt && state ? t("meetings.answered", { date: date(answeredAt), state: t(`holder.state.${state}`) }) : t("meetings.waits"),
    reason: reason?.[lang] ?? null,
  };
}

/** What a platform sees: which holders restrict it and why, what it asked them, and what they answered. */
export async function showHolders(ports: PagesPorts, visit: PersonVisit, errors: FieldError[] = []): Promise<Answer> {
  const { tongue, query, form } = visit;
  const { participantId, name } = await memberOf(ports, visit);
  const { platform, restrictions, meetings, names } = await ports.store.read(async (r) => {
    const found = await r.conditions.restrictions({ platformId: participantId, limit: MOST });
    const asked = await r.meetings.list({ platformId: participantId, limit: MOST });
    const ids = [...new Set([...found, ...asked].map(({ holderId }) => holderId))];
    return {
      platform: await r.participants.get(participantId),
      restrictions: found,
      meetings: asked,
      names: await r.participants.names([...ids, participantId]),
    };
  });
  if (!platform.roles.includes("platform")) throw new RelaisError("not_found", "This participant is not a platform.", { actor: "person" });
  const here = pathOf(visit, `/organisation/${participantId}/holders`);
  const waiting = new Set(meetings.filter(({ answeredAt }) => answeredAt === null).map(({ holderId }) => holderId));
  const rows = rowsOfRestrictions(tongue, restrictions, names).map((row) => ({
    ...row,
    isAsked: waiting.has(row.holderId),
    askHref: `${here}?${new URLSearchParams({ ask: row.holderId })}`,
  }));
  const ask = form.one("holder") || query.one("ask");
  const chosen = rows.find(({ holderId }) => holderId === ask) ?? null;
  const model = {
    id: participantId,
    name,
    rows,
    chosen: chosen && { id: chosen.holderId, name: chosen.holder },
    message: form.one("message"),
    meetings: meetings.map((one) => rowOfMeeting(tongue, one, names.get(one.holderId) ?? one.holderId)),
    errors,
  };
  return { kind: "page", template: "platform-holders", title: tongue.t("meetings.title"), model, status: errors.length > 0 ? 422 : 200 };
}

export async function askHolder(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const caller = await memberOf(ports, visit);
  const { form, tongue } = visit;
  try {
    if (form.one("message") === "") throw new RelaisError("invalid", tongue.t("meetings.error.message"));
    await askToOpen(ports, caller, { holderId: asId("participant", form.one("holder")), message: form.one("message") });
    return { kind: "redirect", to: pathOf(visit, `/organisation/${caller.participantId}/holders`) };
  } catch (error) {
    return showHolders(ports, visit, [toldAs(visit, error, "message")]);
  }
}
