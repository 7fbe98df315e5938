import type { ParticipantId } from "../../core/ids.ts";
import { EVERY_DATASET, type Restriction, type RestrictionFilter } from "../../core/policy/conditions.ts";
import type { Reader } from "../../core/ports.ts";
import type { Tongue } from "../tongue.ts";

/** Restrictions as those see them who watch over the register, and the platform that they are about. */
export function rowsOfRestrictions(tongue: Tongue, restrictions: Restriction[], names: Map<ParticipantId, string>) {
  const { t, lang, date, number } = tongue;
  return restrictions.map(({ holderId, platformId, kind, dataset, reason, changedAt, logIndex }) => ({
    holderId,
    holder: names.get(holderId) ?? holderId,
    holderHref: `/${lang}/register/${holderId}`,
    platform: names.get(platformId) ?? platformId,
    platformHref: `/${lang}/accreditation/participants/${platformId}`,
    what:
      kind === "excluded"
        ? t("conditions.excluded", { dataset: dataset === EVERY_DATASET ? t("conditions.every") : dataset })
        : t(`holder.state.${kind}`),
    reason: reason[lang],
    since: t("conditions.since", { date: date(changedAt), index: number(logIndex) }),
    logIndex,
  }));
}

/** The newest restrictions, of all platforms or of one. */
export async function readRestrictionRows(r: Reader, tongue: Tongue, filter: RestrictionFilter) {
  const found = await r.conditions.restrictions(filter);
  const ids = [...new Set(found.flatMap(({ holderId, platformId }) => [holderId, platformId]))];
  return rowsOfRestrictions(tongue, found, await r.participants.names(ids));
}
