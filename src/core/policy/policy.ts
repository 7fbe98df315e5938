import type { AccessState } from "./conditions.ts";

/** Why data may not go from a holder to a platform: the ids of the rules in `policies/runtime`, and `policy-error` for a decision that could not be made. */
export const POLICY_REASONS = [
  "never-not-accredited",
  "synthetic-only",
  "below-minimum-level",
  "outside-hosting-regions",
  "missing-certificate",
  "excluded-by-holder",
  "not-open-yet",
  "policy-error",
] as const;
export type PolicyReason = (typeof POLICY_REASONS)[number];

/** Everything that a decision is made from, and nothing about the person. Countries, certificates and levels, as `schema.cedarschema` names them. */
export interface PolicyFacts {
  holder: { accredited: boolean; level: number };
  /** The holder's data describe nobody. */
  synthetic: boolean;
  platform: { accredited: boolean; level: number; regions: string[]; certificates: string[] };
  conditions: { minimumLevel: number; regions: string[]; certificates: string[]; excluded: boolean; access: AccessState };
  testAccount: boolean;
}

export interface PolicyDecision {
  allowed: boolean;
  /** Every reason of a refusal, in the order of `POLICY_REASONS`; empty where it is allowed. */
  reasons: PolicyReason[];
  /** SHA-256 over the rules and their schema (base64url): which rules decided. */
  fingerprint: string;
}

/**
 * Decides by the run-time rules. Pure, and cheap enough to ask before every movement of data: the same facts give the same decision.
 * Whatever goes wrong is a refusal with the reason `policy-error`; it never throws.
 */
export interface Policy {
  decide(facts: PolicyFacts): PolicyDecision;
  readonly fingerprint: string;
}
