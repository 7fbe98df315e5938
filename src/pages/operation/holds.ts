import type { Held } from "../../core/dispatch/hold-of.ts";
import type { ParticipantId } from "../../core/ids.ts";
import { EVERY_DATASET } from "../../core/policy/conditions.ts";
import type { MessageKey, Tongue } from "../tongue.ts";

/** Why nothing more starts from or to somebody, in a sentence. */
export function holdIn(
  { t, moment }: Tongue,
  { participantId, hold, until, pause }: Held,
  names: ReadonlyMap<ParticipantId, string>,
): string {
  return t(`dispatch.hold.${hold}` as MessageKey, {
    who: names.get(participantId) ?? participantId,
    until: until === null ? "none" : moment(until),
    what: pause === null || pause.dataset === EVERY_DATASET ? t("dispatch.everything") : pause.dataset,
    by: t(`dispatch.by.${pause?.by ?? "operator"}`),
    since: pause === null ? "" : moment(pause.since),
    reason: pause?.reason ?? "",
  });
}
