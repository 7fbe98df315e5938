import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  checkParsePolicySet,
  checkParseSchema,
  policySetTextToParts,
  policyToJson,
  preparsePolicySet,
  preparseSchema,
  statefulIsAuthorized,
  validate,
  type AuthorizationAnswer,
  type CheckParseAnswer,
  type DetailedError,
} from "@cedar-policy/cedar-wasm/nodejs";
import { RelaisError } from "../core/errors.ts";
import { POLICY_REASONS, type Policy, type PolicyDecision, type PolicyFacts, type PolicyReason } from "../core/policy/policy.ts";

const FOLDER = new URL("../../policies/runtime/", import.meta.url);
/** Decisions that are remembered. Facts repeat: there are as many as pairs of holder and platform in use, times conditions. */
const MOST_REMEMBERED = 10_000;

/** The text of the rules and of their schema. */
export interface PolicySource {
  policies: string;
  schema: string;
}

/** The rules that this installation ships, file after file in the order of their names. */
export function readPolicySource(folder: URL = FOLDER): PolicySource {
  const files = readdirSync(folder).sort();
  const textOf = (ending: string): string =>
    files
      .filter((file) => file.endsWith(ending))
      .map((file) => readFileSync(fileURLToPath(new URL(file, folder)), "utf8"))
      .join("\n");
  return { policies: textOf(".cedar"), schema: textOf(".cedarschema") };
}

/**
 * The run-time rules, parsed, validated against their schema and ready to decide. A rule set that is broken stops the start: nothing is decided
 * by half of it.
 * @throws RelaisError `internal` that names what is wrong, for the operator.
 */
export function createPolicy(source: PolicySource = readPolicySource()): Policy {
  const fingerprint = createHash("sha256").update(source.policies).update("\0").update(source.schema).digest("base64url");
  const rules = rulesOf(source);
  // Cedar keeps a prepared set for ever: the same text takes the same name, and so the same place.
  mustParse(preparsePolicySet(fingerprint, { staticPolicies: rules }), "the rules");
  mustParse(preparseSchema(fingerprint, source.schema), "the schema");
  const remembered = new Map<string, PolicyDecision>();
  return {
    fingerprint,
    decide: (facts) => {
      // A decision depends on nothing but its facts: one that is remembered is never out of date.
      const key = JSON.stringify(facts);
      const known = remembered.get(key);
      if (known) return known;
      const reasons = reasonsOf(fingerprint, facts);
      const decision = { allowed: reasons.length === 0, reasons, fingerprint };
      if (remembered.size >= MOST_REMEMBERED) remembered.clear();
      remembered.set(key, decision);
      return decision;
    },
  };
}

/** The rules by their `@id`, so that Cedar names them; checked as a whole. As texts: in JSON a large integer would be rounded. */
function rulesOf({ policies, schema }: PolicySource): Record<string, string> {
  mustParse(checkParsePolicySet({ staticPolicies: policies }), "the rules");
  mustParse(checkParseSchema(schema), "the schema");
  const parts = policySetTextToParts(policies);
  if (parts.type === "failure") throw broken("the rules", parts.errors);
  if (parts.policy_templates.length > 0) throw broken("the rules", [{ message: "templates are not used here" }]);
  const rules: Record<string, string> = {};
  const refusals: string[] = [];
  for (const text of parts.policies) {
    const parsed = policyToJson(text);
    if (parsed.type === "failure") throw broken("the rules", parsed.errors);
    const id = parsed.json.annotations?.["id"];
    if (id === undefined || Object.hasOwn(rules, id))
      throw broken("the rules", [{ message: `each needs an @id of its own (${id ?? "none"})` }]);
    rules[id] = text;
    if (parsed.json.effect === "forbid") refusals.push(id);
  }
  mustNameReasons(refusals);
  mustFitSchema(rules, schema);
  return rules;
}

/** One rule for each reason that people can be told, and a reason for each rule that refuses. */
function mustNameReasons(refusals: string[]): void {
  const wanted = POLICY_REASONS.filter((reason) => reason !== "policy-error");
  const unknown = refusals.filter((id) => !(wanted as string[]).includes(id));
  const missing = wanted.filter((reason) => !refusals.includes(reason));
  if (unknown.length > 0) throw broken("the rules", [{ message: `no sentence explains ${unknown.join(", ")}` }]);
  if (missing.length > 0) throw broken("the rules", [{ message: `no rule is called ${missing.join(", ")}` }]);
}

function mustFitSchema(rules: Record<string, string>, schema: string): void {
  const answer = validate({ schema, policies: { staticPolicies: rules }, validationSettings: { mode: "strict" } });
  if (answer.type === "failure") throw broken("the rules", answer.errors);
  const found = [...answer.validationErrors, ...answer.validationWarnings];
  if (found.length > 0)
    throw broken(
      "the rules",
      found.map(({ policyId, error }) => ({ message: `${policyId}: ${error.message}` })),
    );
}

function mustParse(answer: CheckParseAnswer, what: string): void {
  if (answer.type === "failure") throw broken(what, answer.errors);
}

function broken(what: string, errors: Pick<DetailedError, "message">[]): RelaisError {
  const list = errors.map(({ message }) => message).join("; ");
  return new RelaisError(
    "internal",
    `In policies/runtime ${what} cannot be used: ${list}. The operator must restore the files as they were released.`,
  );
}

/** The names stand for nobody: every fact is in the context, and no entity has to be sent. */
const PRINCIPAL = { type: "Platform", id: "destination" };
const ACTION = { type: "Action", id: "receive" };
const RESOURCE = { type: "DataSet", id: "asked-for" };

function reasonsOf(name: string, facts: PolicyFacts): PolicyReason[] {
  try {
    const context = structuredClone(facts) as unknown as Parameters<typeof statefulIsAuthorized>[0]["context"];
    return readAnswer(
      statefulIsAuthorized({
        principal: PRINCIPAL,
        action: ACTION,
        resource: RESOURCE,
        context,
        entities: [],
        preparsedPolicySetId: name,
        preparsedSchemaName: name,
        validateRequest: true,
      }),
    );
  } catch {
    return ["policy-error"];
  }
}

/**
 * A rule that fails while it is evaluated is left out by Cedar, which may then allow: any error at all is a refusal. So is a refusal that no
 * rule explains.
 */
function readAnswer(answer: AuthorizationAnswer): PolicyReason[] {
  if (answer.type === "failure" || answer.response.diagnostics.errors.length > 0) return ["policy-error"];
  const { decision, diagnostics } = answer.response;
  if (decision === "allow") return [];
  const named = POLICY_REASONS.filter((reason) => diagnostics.reason.includes(reason));
  return named.length > 0 ? named : ["policy-error"];
}
