import { canonicalJson } from "../canonical-json.ts";
import type { Charter, Criterion } from "./charter.ts";

/** What is different between two versions, criterion by criterion. */
export interface CharterDiff {
  added: Criterion[];
  removed: Criterion[];
  /** The later form, and which members changed. */
  changed: { criterion: Criterion; members: (keyof Criterion)[] }[];
}

/** Members that people who apply have to know of. */
const MEMBERS = [
  "title",
  "statement",
  "appliesTo",
  "level",
  "questions",
  "evidence",
  "check",
  "recheckDays",
  "onFailure",
] as const satisfies (keyof Criterion)[];

export function diffCharters(from: Charter, to: Charter): CharterDiff {
  const before = new Map(from.criteria.map((criterion) => [criterion.id, criterion]));
  const after = new Map(to.criteria.map((criterion) => [criterion.id, criterion]));
  return {
    added: to.criteria.filter(({ id }) => !before.has(id)),
    removed: from.criteria.filter(({ id }) => !after.has(id)),
    changed: to.criteria.flatMap((criterion) => {
      const earlier = before.get(criterion.id);
      const members = earlier ? MEMBERS.filter((member) => canonicalJson(earlier[member]) !== canonicalJson(criterion[member])) : [];
      return members.length > 0 ? [{ criterion, members }] : [];
    }),
  };
}
