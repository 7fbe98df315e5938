import type { Charter, Criterion } from "../register/charter.ts";
import type { Role } from "../register/participant.ts";
import type { ProbeResult } from "./probe.ts";

/** Why a check matters: the criterion of the charter that it shows. */
export type NamedCriterion = Pick<Criterion, "id" | "title">;

/** A result with the criteria of a charter that stand on it, for a participant of these roles. */
export interface NamedResult extends ProbeResult {
  criteria: NamedCriterion[];
}

export function nameCriteria(charter: Pick<Charter, "criteria">, roles: readonly Role[], result: ProbeResult): NamedResult {
  const standing = charter.criteria.filter(
    ({ check, appliesTo }) =>
      check.kind === "probe" && check.probes.includes(result.probe) && appliesTo.some((role) => roles.includes(role)),
  );
  return { ...result, criteria: standing.map(({ id, title }) => ({ id, title })) };
}
