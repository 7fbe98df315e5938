import { RelaisError } from "../errors.ts";
import { isCertificate } from "./certificates.ts";
import {
  changeConditions,
  logCondition,
  scopeOf,
  writtenReason,
  type ConditionPorts,
  type Effect,
  type OnBehalf,
} from "./change-conditions.ts";
import type { Condition } from "./conditions.ts";
import { isRegion } from "./regions.ts";

type Wanted = Pick<Condition, "dataset" | "minimumLevel" | "regions" | "reason"> & { certificates: string[] };

/**
 * Sets what a holder asks of every platform, for one data set or for all. Whatever is more than the register itself asks for needs a reason,
 * which is public.
 * @throws RelaisError `forbidden`, `invalid`.
 */
export async function setConditions(ports: ConditionPorts, who: OnBehalf, wanted: Wanted): Promise<Effect> {
  const asked = checked(wanted);
  return changeConditions(ports, who, async (w, holder, at) => {
    const dataset = scopeOf(holder, asked.dataset);
    const { reason, minimumLevel, regions, certificates } = asked;
    const members = { dataset, minimum_level: minimumLevel, regions, certificates };
    const logIndex = await logCondition(w, holder, { act: "conditions_set", at, reason, members });
    await w.rules.set({ ...asked, holderId: holder.id, changedAt: at, logIndex });
  });
}

/** Takes back what the holder said for this scope: what it says of all data sets, or the register's own level, stands again. */
export async function unsetConditions(ports: ConditionPorts, who: OnBehalf, { dataset }: Pick<Condition, "dataset">): Promise<Effect> {
  return changeConditions(ports, who, async (w, holder, at) => {
    if (!(await w.rules.unset(holder.id, dataset))) throw new RelaisError("not_found", "There is no condition for this data set.");
    await logCondition(w, holder, { act: "conditions_unset", at, members: { dataset } });
  });
}

function checked(wanted: Wanted): Omit<Condition, "holderId" | "changedAt" | "logIndex"> {
  const regions = [...new Set(wanted.regions)].sort();
  const certificates = [...new Set(wanted.certificates)].sort().filter(isCertificate);
  if (![0, 1, 2].includes(wanted.minimumLevel))
    throw new RelaisError("invalid", "The level is 0, 1 or 2.", { pointers: ["/minimum_level"] });
  if (!regions.every(isRegion))
    throw new RelaisError("invalid", "Name countries by their ISO 3166 code in capitals, or EU or EEA.", { pointers: ["/regions"] });
  if (certificates.length < new Set(wanted.certificates).size)
    throw new RelaisError("invalid", "One of the certificates is not in the register's list.", { pointers: ["/certificates"] });
  const isMore = wanted.minimumLevel > 1 || regions.length > 0 || certificates.length > 0;
  const reason = isMore || wanted.reason !== null ? writtenReason(wanted.reason) : null;
  return { dataset: wanted.dataset, minimumLevel: wanted.minimumLevel, regions, certificates, reason };
}
