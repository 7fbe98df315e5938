import { RelaisError } from "../../core/errors.ts";
import { EVENT_TYPES, type EventType } from "../../core/events/outbox.ts";
import { REMINDERS } from "../../core/register/reminder.ts";
import { pathOf, type Answer, type PagesPorts, type Visit } from "../visit.ts";

/** The page that the URI of an event leads to. */
export function event(_ports: PagesPorts, visit: Visit): Answer {
  const { tongue, params } = visit;
  const type = EVENT_TYPES.find((known) => known === params["type"]);
  if (type === undefined) throw new RelaisError("not_found", "There is no such event.");
  const model = {
    text: tongue.t(`event.${type}`),
    members: tongue.t(`event.member.${membersOf(type)}`),
    all: EVENT_TYPES.map((one) => ({ type: one, href: pathOf(visit, `/events/${one}`), isHere: one === type })),
  };
  return { kind: "page", template: "event", title: tongue.t("event.title", { type }), model };
}

function membersOf(type: EventType): "reminder" | "restriction" | "consent" | "decision" {
  if (type.startsWith("consent-")) return "consent";
  if (Object.values(REMINDERS).some((one) => one.event === type)) return "reminder";
  return type.startsWith("restriction-") ? "restriction" : "decision";
}
