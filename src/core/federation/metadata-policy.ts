import { canonicalJson } from "../canonical-json.ts";
import { fault } from "./fault.ts";
import type { EntityStatement, Metadata } from "./statement.ts";

/** Operators of one metadata parameter, by name. */
type ParameterPolicy = Record<string, unknown>;
export type MetadataPolicy = Record<string, Record<string, ParameterPolicy>>;

const same = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b);
const has = (list: unknown[], value: unknown): boolean => list.some((one) => same(one, value));
const union = (a: unknown[], b: unknown[]): unknown[] => [...a, ...b.filter((value) => !has(a, value))];
const intersection = (a: unknown[], b: unknown[]): unknown[] => a.filter((value) => has(b, value));
const isSubset = (a: unknown[], b: unknown[]): boolean => a.every((value) => has(b, value));

const isList = (value: unknown): value is unknown[] => Array.isArray(value) && value.every((one) => one !== null);
const isPlain = (value: unknown): boolean => ["string", "number", "boolean", "object"].includes(typeof value);

function refuse(what: string): never {
  throw fault("invalid_metadata", `A metadata policy cannot be carried out: ${what}.`);
}

function listOf(operator: string, value: unknown): unknown[] {
  return isList(value) ? value : refuse(`${operator} acts on lists, and finds something else`);
}

interface Operator {
  /** What the operator may be configured with. */
  accepts: (operand: unknown) => boolean;
  /** Two levels of the chain, the superior's first. */
  merge: (superior: unknown, subordinate: unknown) => unknown;
  /** The parameter after it; undefined is absent. */
  apply: (parameter: unknown, operand: unknown) => unknown;
}

const equalOnly = (name: string) => (a: unknown, b: unknown) => (same(a, b) ? a : refuse(`two levels give ${name} different values`));

/** The standard operators in their order of application (OpenID Federation 1.0 §6.1.3.1). */
// oxfmt-ignore
const OPERATORS = {
  value: {
    accepts: (operand) => operand === null || isPlain(operand),
    merge: equalOnly("value"),
    apply: (_parameter, operand) => (operand === null ? undefined : operand),
  },
  add: {
    accepts: isList,
    merge: (a, b) => union(a as unknown[], b as unknown[]),
    apply: (parameter, operand) => (parameter === undefined ? operand : union(listOf("add", parameter), operand as unknown[])),
  },
  default: {
    accepts: (operand) => operand !== null && isPlain(operand),
    merge: equalOnly("default"),
    apply: (parameter, operand) => (parameter === undefined ? operand : parameter),
  },
  one_of: {
    accepts: isList,
    merge: (a, b) => {
      const both = intersection(a as unknown[], b as unknown[]);
      return both.length > 0 ? both : refuse("two levels leave nothing for one_of");
    },
    apply: (parameter, operand) =>
      parameter === undefined || has(operand as unknown[], parameter) ? parameter : refuse("a value is not among one_of"),
  },
  subset_of: {
    accepts: isList,
    merge: (a, b) => intersection(a as unknown[], b as unknown[]),
    apply: (parameter, operand) =>
      parameter === undefined ? parameter : intersection(listOf("subset_of", parameter), operand as unknown[]),
  },
  superset_of: {
    accepts: isList,
    merge: (a, b) => union(a as unknown[], b as unknown[]),
    apply: (parameter, operand) =>
      parameter === undefined || isSubset(operand as unknown[], listOf("superset_of", parameter))
        ? parameter
        : refuse("a value lacks what superset_of asks for"),
  },
  essential: {
    accepts: (operand) => typeof operand === "boolean",
    merge: (a, b) => a === true || b === true,
    apply: (parameter, operand) => (operand === true && parameter === undefined ? refuse("an essential value is missing") : parameter),
  },
} as const satisfies Record<string, Operator>;

const STANDARD = Object.keys(OPERATORS) as (keyof typeof OPERATORS)[];
const isStandard = (name: string): name is keyof typeof OPERATORS => Object.hasOwn(OPERATORS, name);

type Pair = (a: unknown, b: unknown) => boolean;
const asList = (value: unknown): unknown[] => (isList(value) ? value : [value]);

/** Which operators bear each other, and when (§6.1.3.1). A pair that is not here is allowed where `FORBIDDEN` does not name it. */
const CONDITIONS: [a: keyof typeof OPERATORS, b: keyof typeof OPERATORS, holds: Pair][] = [
  ["value", "add", (value, add) => isSubset(add as unknown[], asList(value))],
  ["value", "default", (value) => value !== null],
  ["value", "one_of", (value, oneOf) => has(oneOf as unknown[], value)],
  ["value", "subset_of", (value, subset) => isSubset(asList(value), subset as unknown[])],
  ["value", "superset_of", (value, superset) => isSubset(superset as unknown[], asList(value))],
  ["value", "essential", (value, essential) => !(value === null && essential === true)],
  ["add", "one_of", () => false],
  ["add", "subset_of", (add, subset) => isSubset(add as unknown[], subset as unknown[])],
  ["one_of", "subset_of", () => false],
  ["one_of", "superset_of", () => false],
  ["subset_of", "superset_of", (subset, superset) => isSubset(superset as unknown[], subset as unknown[])],
];

function checkParameter(type: string, parameter: string, policy: ParameterPolicy): void {
  for (const name of STANDARD.filter((operator) => operator in policy))
    if (!OPERATORS[name].accepts(policy[name])) refuse(`${type}.${parameter} has ${name} in a form that is not its own`);
  for (const [a, b, holds] of CONDITIONS)
    if (a in policy && b in policy && !holds(policy[a], policy[b])) refuse(`${type}.${parameter} combines ${a} and ${b} against the rules`);
}

/** `scope` is a list in a policy, and a text of words in metadata (§6.1.3.1.8). */
const wordsOf = (scope: unknown): unknown => (typeof scope === "string" ? scope.split(" ").filter((word) => word !== "") : scope);
const asWords = (name: string, value: unknown): unknown => (name === "scope" && isList(value) ? value.join(" ") : value);

/** Only operators that are understood are kept (§6.1.3.2). */
function understood(policy: MetadataPolicy): MetadataPolicy {
  return mapParameters(policy, (type, parameter, operators) => {
    const kept = Object.fromEntries(Object.entries(operators).filter(([name]) => isStandard(name)));
    if (parameter === "scope") for (const name of STANDARD) if (name in kept) kept[name] = wordsOf(kept[name]);
    checkParameter(type, parameter, kept);
    return kept;
  });
}

function mapParameters(
  policy: MetadataPolicy,
  map: (type: string, parameter: string, operators: ParameterPolicy) => ParameterPolicy,
): MetadataPolicy {
  return Object.fromEntries(
    Object.entries(policy).map(([type, parameters]) => [
      type,
      Object.fromEntries(Object.entries(parameters).map(([parameter, operators]) => [parameter, map(type, parameter, operators)])),
    ]),
  );
}

function mergeParameter(type: string, parameter: string, superior: ParameterPolicy, subordinate: ParameterPolicy): ParameterPolicy {
  const merged = { ...superior, ...subordinate };
  for (const name of STANDARD)
    if (name in superior && name in subordinate) merged[name] = OPERATORS[name].merge(superior[name], subordinate[name]);
  checkParameter(type, parameter, merged);
  return merged;
}

function mergePolicies(superior: MetadataPolicy, subordinate: MetadataPolicy): MetadataPolicy {
  const merged = { ...superior };
  for (const [type, parameters] of Object.entries(subordinate)) {
    const present = { ...merged[type] };
    for (const [parameter, policy] of Object.entries(parameters)) {
      const above = present[parameter];
      present[parameter] = above === undefined ? policy : mergeParameter(type, parameter, above, policy);
    }
    merged[type] = present;
  }
  return merged;
}

type PolicyStatement = Pick<EntityStatement, "metadataPolicy" | "metadataPolicyCrit">;

/**
 * One policy out of those of a chain, the most superior statement first (OpenID Federation 1.0 §6.1.4.1).
 * @throws RelaisError `peer_protocol` for a policy error: the chain is invalid.
 */
export function resolvePolicy(statements: PolicyStatement[]): MetadataPolicy {
  const critical = statements.flatMap((statement) => statement.metadataPolicyCrit).find((name) => !isStandard(name));
  if (critical !== undefined) refuse(`the critical operator ${critical} is not known here`);
  return statements.map(({ metadataPolicy }) => understood(metadataPolicy)).reduce(mergePolicies, {});
}

/**
 * Applies a policy to metadata, operator by operator in the standard order (§6.1.4.2). Entity types that the metadata does not have stay absent.
 * @throws RelaisError `peer_protocol` for a policy error: the chain is invalid.
 */
export function applyPolicy(metadata: Metadata, policy: MetadataPolicy): Metadata {
  const resolved: Metadata = { ...metadata };
  for (const [type, members] of Object.entries(metadata)) {
    const result = { ...members };
    for (const [parameter, operators] of Object.entries(policy[type] ?? {})) {
      const value = applyOperators(operators, parameter === "scope" ? wordsOf(members[parameter]) : members[parameter]);
      if (value === undefined) delete result[parameter];
      else result[parameter] = asWords(parameter, value);
    }
    resolved[type] = result;
  }
  return resolved;
}

function applyOperators(operators: ParameterPolicy, parameter: unknown): unknown {
  return STANDARD.filter((name) => name in operators).reduce((value, name) => OPERATORS[name].apply(value, operators[name]), parameter);
}
