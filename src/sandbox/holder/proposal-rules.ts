import type { OmissionReason } from "../../core/transfer/manifest.ts";

type Members = Record<string, unknown>;

export type RuleVerdict = { outcome: "accepted" } | { outcome: "waiting" } | { outcome: "refused"; reason: OmissionReason };

const ACCEPTED: RuleVerdict = { outcome: "accepted" };
const WAITING: RuleVerdict = { outcome: "waiting" };
const refused = (reason: OmissionReason): RuleVerdict => ({ outcome: "refused", reason });

/** A rule for one member: the old value and the proposed one. What no rule accepts or refuses, a person of the holder decides. */
type MemberRule = (proposed: unknown, old: unknown) => RuleVerdict;

const wholeNumber =
  (from: number, to: number, verdict: RuleVerdict): MemberRule =>
  (proposed) =>
    Number.isInteger(proposed) && (proposed as number) >= from && (proposed as number) <= to ? verdict : refused("not_plausible");
const oneOf =
  (values: readonly string[], verdict: RuleVerdict): MemberRule =>
  (proposed) =>
    values.includes(proposed as string) ? verdict : refused("not_plausible");

/** What the reference holder takes proposals for. How many people live somewhere only they know; what changes the price, a person looks at. */
// oxfmt-ignore
const RULES: Readonly<Record<string, Readonly<Record<string, MemberRule>>>> = {
  "energy.home": {
    occupants:    wholeNumber(1, 12, ACCEPTED),
    rooms:        wholeNumber(1, 30, ACCEPTED),
    squareMetres: wholeNumber(9, 1000, WAITING),
    heating:      oneOf(["electric", "heat-pump", "gas"], WAITING),
    waterHeater:  oneOf(["electric", "gas"], WAITING),
    builtIn:      () => refused("proof_needed"),
    type:         () => refused("proof_needed"),
  },
};

export function takesProposals(dataset: string): boolean {
  return Object.hasOwn(RULES, dataset);
}

/** One refused member refuses the whole item; else one that waits lets it wait. The same value again is accepted: nothing changes. */
export function judge(dataset: string, proposed: unknown, old: unknown): RuleVerdict {
  const rules = Object.hasOwn(RULES, dataset) ? RULES[dataset] : undefined;
  const [next, present] = [membersOf(proposed), membersOf(old)];
  if (rules === undefined || present === null) return refused("not_changeable");
  if (next === null) return refused("not_plausible");
  const changed = [...new Set([...Object.keys(next), ...Object.keys(present)])].filter((name) => next[name] !== present[name]);
  const verdicts = changed.map(
    (name) => (Object.hasOwn(rules, name) ? rules[name]?.(next[name], present[name]) : undefined) ?? refused("not_changeable"),
  );
  return verdicts.find(({ outcome }) => outcome === "refused") ?? verdicts.find(({ outcome }) => outcome === "waiting") ?? ACCEPTED;
}

function membersOf(value: unknown): Members | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : null;
}
