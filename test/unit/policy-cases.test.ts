import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { parse } from "yaml";
import type { PolicyFacts } from "../../src/core/policy/policy.ts";
import { createPolicy, readPolicySource } from "../../src/policies/cedar.ts";

type Members = { [name: string]: unknown };
interface Case {
  name: string;
  /** What differs from the usual facts. */
  facts?: Members;
  /** A fact that is taken away: `conditions.excluded`. */
  without?: string;
  allowed?: true;
  reasons?: string[];
}

const FILE = new URL("../../policies/runtime/cases.yaml", import.meta.url);
const { usual, cases } = parse(readFileSync(FILE, "utf8")) as { usual: Members; cases: Case[] };
const source = readPolicySource();
const policy = createPolicy(source);

describe("policies/runtime/cases.yaml", () => {
  for (const one of cases) {
    test(one.name, () => {
      assert.notEqual(one.allowed === true, one.reasons !== undefined, "a case says either allowed or reasons");
      const { allowed, reasons } = policy.decide(factsOfCase(one));
      assert.deepEqual([allowed, [...reasons].sort()], [one.allowed === true, [...(one.reasons ?? [])].sort()]);
    });
  }
  test("each rule refuses in one case alone, and holds back in another", () => {
    const alone = cases.filter(({ reasons }) => reasons?.length === 1).map(({ reasons }) => reasons?.[0]);
    const rules = [...source.policies.matchAll(/@id\("([\w-]+)"\)\s*forbid/g)].map(([, id]) => id);
    assert.equal(rules.length, 7);
    for (const id of rules) assert.ok(alone.includes(id), id);
  });
});

function factsOfCase({ facts = {}, without }: Case): PolicyFacts {
  const made = merged(usual, facts);
  const path = without?.split(".") ?? [];
  const parent = path.slice(0, -1).reduce<Members>((members, name) => members[name] as Members, made);
  if (without !== undefined) Reflect.deleteProperty(parent, path.at(-1) ?? "");
  return made as unknown as PolicyFacts;
}

function merged(base: Members, change: Members): Members {
  const isMembers = (value: unknown): value is Members => typeof value === "object" && value !== null && !Array.isArray(value);
  const made = structuredClone(base);
  for (const [name, value] of Object.entries(change)) {
    const known = made[name];
    made[name] = isMembers(value) && isMembers(known) ? merged(known, value) : value;
  }
  return made;
}

const usualFacts = () => structuredClone(usual) as unknown as PolicyFacts;
/** A rule set that starts, whose one rule is the given one. */
const withRule = (id: string, rule: string) => ({
  ...source,
  policies: source.policies.replace(new RegExp(`@id\\("${id}"\\)\\s*forbid[^;]*;`), `@id("${id}")\n${rule}`),
});

test("a forbid that fails while it is evaluated refuses, although Cedar alone would allow", () => {
  // An integer that overflows is the one failure that validation cannot foresee.
  const rule = `forbid (principal, action == Action::"receive", resource) when { context.platform.level + 9223372036854775807 > 0 };`;
  const failing = createPolicy(withRule("excluded-by-holder", rule));
  assert.deepEqual(failing.decide(usualFacts()).reasons, ["policy-error"]);
});

test("without its permit nothing is allowed, and the refusal has a name", () => {
  const none = createPolicy({ ...source, policies: source.policies.replace(/@id\("accredited-may-receive"\)[^;]*;/, "") });
  assert.deepEqual(none.decide(usualFacts()), { allowed: false, reasons: ["policy-error"], fingerprint: none.fingerprint });
});

// oxfmt-ignore
const BROKEN: [what: string, policies: string, message: RegExp][] = [
  ["a rule that does not parse", `${source.policies}\nforbid (principal`, /cannot be used/],
  ["a fact that the schema does not know", source.policies.replace("context.conditions.excluded", "context.conditions.exclude"), /exclude/],
  ["a fact of another type", source.policies.replace("context.platform.level >= context.conditions.minimumLevel", `context.platform.level >= "two"`), /below-minimum-level/],
  ["a rule without a name", source.policies.replace('@id("not-open-yet")', ""), /@id of its own/],
  ["two rules of one name", `${source.policies}\n@id("not-open-yet") forbid (principal, action, resource);`, /@id of its own/],
  ["a refusal that no sentence explains", `${source.policies}\n@id("bad-weather") forbid (principal, action, resource);`, /bad-weather/],
  ["a rule that went missing", source.policies.replace(/@id\("missing-certificate"\)[^;]*;/, ""), /no rule is called missing-certificate/],
];
for (const [what, policies, message] of BROKEN) {
  test(`${what} stops the start, and is named`, () => {
    assert.throws(() => createPolicy({ ...source, policies }), { code: "internal", message });
  });
}

test("the fingerprint names rules and schema together", () => {
  assert.equal(createPolicy(source).fingerprint, policy.fingerprint);
  assert.notEqual(createPolicy({ ...source, policies: `${source.policies}\n// changed` }).fingerprint, policy.fingerprint);
});

test("a remembered decision is not changed by whoever changes the facts afterwards", () => {
  const facts = usualFacts();
  assert.equal(policy.decide(facts).allowed, true);
  facts.conditions.excluded = true;
  assert.deepEqual(policy.decide(facts).reasons, ["excluded-by-holder"]);
});
