import { canonicalJson } from "../canonical-json.ts";
import { RelaisError } from "../errors.ts";

/** Metadata of an entity by entity type, and what superiors ask of it (OpenID Federation 1.0 §6.1). */
export type Metadata = Record<string, Record<string, unknown>>;
export type ParameterPolicy = Record<string, unknown>;
export type MetadataPolicy = Record<string, Record<string, ParameterPolicy>>;

/** In the order in which they are applied (§6.1.3.1). */
const OPERATORS = ["value", "add", "default", "one_of", "subset_of", "superset_of", "essential"] as const;
type Operator = (typeof OPERATORS)[number];

const same = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);
const has = (values: unknown[], value: unknown): boolean => values.some((one) => same(one, value));
const union = (a: unknown, b: unknown): unknown[] => [...list(a), ...list(b).filter((one) => !has(list(a), one))];
const intersection = (a: unknown, b: unknown): unknown[] => list(a).filter((one) => has(list(b), one));

function broken(parameter: string, flaw: string): RelaisError {
  return new RelaisError("peer_protocol", `The metadata policy for ${parameter} ${flaw}.`);
}

function mustBeEqual(parameter: string, operator: Operator, a: unknown, b: unknown): unknown {
  if (!same(a, b)) throw broken(parameter, `has two different values for ${operator}`);
  return a;
}

/** How the operators of a superior and its subordinate become one (§6.1.3.1.1 to §6.1.3.1.7). */
const MERGE: Record<Operator, (parameter: string, superior: unknown, subordinate: unknown) => unknown> = {
  value: (parameter, a, b) => mustBeEqual(parameter, "value", a, b),
  add: (_parameter, a, b) => union(a, b),
  default: (parameter, a, b) => mustBeEqual(parameter, "default", a, b),
  one_of: (parameter, a, b) => {
    const both = intersection(a, b);
    if (both.length === 0) throw broken(parameter, "leaves no value (one_of)");
    return both;
  },
  subset_of: (_parameter, a, b) => intersection(a, b),
  superset_of: (_parameter, a, b) => union(a, b),
  essential: (_parameter, a, b) => a === true || b === true,
};

/**
 * One policy out of those of a chain, the anchor's first.
 * @throws RelaisError `peer_protocol` where they contradict each other, or a critical operator is unknown.
 */
export function mergePolicies(policies: readonly MetadataPolicy[], critical: readonly string[] = []): MetadataPolicy {
  const unknown = critical.find((name) => !(OPERATORS as readonly string[]).includes(name));
  if (unknown !== undefined) throw broken("every entity", `uses the critical operator ${unknown}, which is not known here`);
  const merged: MetadataPolicy = {};
  for (const policy of policies)
    for (const [type, parameters] of Object.entries(policy))
      for (const [parameter, operators] of Object.entries(parameters)) {
        const known = ((merged[type] ??= {})[parameter] ??= {});
        for (const [name, value] of Object.entries(operators)) {
          const operator = OPERATORS.find((one) => one === name);
          // An operator that is not critical and not known is left out (§6.1.3.2).
          if (operator !== undefined) known[operator] = operator in known ? MERGE[operator](parameter, known[operator], value) : value;
        }
      }
  return merged;
}

/** `scope` is one text that stands for a list (§6.1.3.1.8). */
const asValue = (parameter: string, value: unknown): unknown =>
  parameter === "scope" && typeof value === "string" ? value.split(" ") : value;
const fromValue = (parameter: string, value: unknown): unknown => (parameter === "scope" && Array.isArray(value) ? value.join(" ") : value);

/**
 * Metadata as the policy makes it. Entity types that the entity does not have are not added.
 * @throws RelaisError `peer_protocol` where it does not comply.
 */
export function applyPolicy(metadata: Metadata, policy: MetadataPolicy): Metadata {
  return Object.fromEntries(
    Object.entries(metadata).map(([type, parameters]) => [type, applyToType(parameters, policy[type] ?? {})] as const),
  );
}

function applyToType(parameters: Record<string, unknown>, policy: Record<string, ParameterPolicy>): Record<string, unknown> {
  const result = { ...parameters };
  for (const [parameter, operators] of Object.entries(policy)) {
    const value = OPERATORS.reduce(
      (present, operator) => (operator in operators ? APPLY[operator](parameter, present, operators[operator]) : present),
      asValue(parameter, result[parameter]),
    );
    if (value === undefined || value === null) delete result[parameter];
    else result[parameter] = fromValue(parameter, value);
  }
  return result;
}

const APPLY: Record<Operator, (parameter: string, present: unknown, given: unknown) => unknown> = {
  value: (_parameter, _present, given) => given,
  add: (_parameter, present, given) => (present === undefined ? list(given) : union(present, given)),
  default: (_parameter, present, given) => present ?? given,
  one_of: (parameter, present, given) => {
    if (present !== undefined && !has(list(given), present)) throw broken(parameter, "does not allow this value (one_of)");
    return present;
  },
  subset_of: (_parameter, present, given) => (present === undefined ? undefined : intersection(present, given)),
  superset_of: (parameter, present, given) => {
    if (present !== undefined && !list(given).every((one) => has(list(present), one)))
      throw broken(parameter, "asks for more (superset_of)");
    return present;
  },
  essential: (parameter, present, given) => {
    if (given === true && (present === undefined || (Array.isArray(present) && present.length === 0)))
      throw broken(parameter, "asks for a value that is missing (essential)");
    return present;
  },
};
