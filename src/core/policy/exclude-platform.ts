import { RelaisError } from "../errors.ts";
import {
  changeConditions,
  logCondition,
  platformOf,
  scopeOf,
  writtenReason,
  type ConditionPorts,
  type Effect,
  type OnBehalf,
} from "./change-conditions.ts";
import type { Exclusion } from "./conditions.ts";
import { tellRestriction } from "./tell-restriction.ts";

/** Excludes one platform from one data set or from all, with a reason that everybody may read. @throws RelaisError `forbidden`, `invalid`. */
export async function excludePlatform(
  ports: ConditionPorts,
  who: OnBehalf,
  excluded: Pick<Exclusion, "platformId" | "dataset" | "reason">,
): Promise<Effect> {
  const reason = writtenReason(excluded.reason);
  return changeConditions(ports, who, async (w, holder, at) => {
    const platform = await platformOf(w, excluded.platformId);
    const dataset = scopeOf(holder, excluded.dataset);
    const logIndex = await logCondition(w, holder, { act: "platform_excluded", at, platform, reason, members: { dataset } });
    await w.rules.exclude({ holderId: holder.id, platformId: platform.id, dataset, reason, changedAt: at, logIndex });
    await tellRestriction(w, { holder, platform, at, state: "excluded", dataset, reason, logIndex });
  });
}

/** @throws RelaisError `forbidden`, `not_found` where it was not excluded. */
export async function liftExclusion(
  ports: ConditionPorts,
  who: OnBehalf,
  { platformId, dataset }: Pick<Exclusion, "platformId" | "dataset">,
): Promise<Effect> {
  return changeConditions(ports, who, async (w, holder, at) => {
    const platform = await platformOf(w, platformId);
    if (!(await w.rules.lift({ holderId: holder.id, platformId, dataset })))
      throw new RelaisError("not_found", "This platform is not excluded from this data set.");
    const logIndex = await logCondition(w, holder, { act: "exclusion_lifted", at, platform, members: { dataset } });
    await tellRestriction(w, { holder, platform, at, state: "lifted", dataset, reason: null, logIndex });
  });
}
