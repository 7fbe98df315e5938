import { checkStanding } from "../consent/check-consent.ts";
import { RelaisError, type ErrorCode } from "../errors.ts";
import { newId, type ConsentId, type TransferId } from "../ids.ts";
import type { Writer } from "../ports.ts";
import type { Policy } from "../policy/policy.ts";
import { PATIENCE_HOURS } from "./request-transfer.ts";

/**
 * Consents of which `checkStanding` asks the same things and so says the same: same ends, data sets and terms, same state, the source as sure of
 * who asks, the account named for tests or not. The store says which are alike; one of them is asked about.
 */
export interface Alike {
  one: ConsentId;
  consents: ConsentId[];
}

/** A transfer to be, under one consent. */
export interface Wanted {
  consentId: ConsentId;
  transferId: TransferId;
}

/** What every transfer of one step has in common. */
export interface Acceptance {
  wanted: Wanted[];
  at: Date;
  /** When whoever does not answer has been waited for long enough; a consent that ends before ends it. */
  until: Date;
  actor: "relais" | "holder" | "platform" | "operator";
  details: Record<string, string | number>;
}

export interface Judged {
  allowed: ConsentId[];
  refused: Map<ErrorCode, ConsentId[]>;
}

/** The right to move data now, as strictly as for a single transfer: it is the same function that says so, asked once for all who are alike. */
export async function judge(w: Writer, groups: Alike[], terms: { policy: Policy; now: Date }): Promise<Judged> {
  const judged: Judged = { allowed: [], refused: new Map() };
  for (const { one, consents } of groups) {
    const code = await refusalOf(w, one, terms);
    if (code === null) judged.allowed.push(...consents);
    else judged.refused.set(code, [...(judged.refused.get(code) ?? []), ...consents]);
  }
  return judged;
}

/** Null where it is allowed. @throws what is no refusal: Relais itself is out of order. */
async function refusalOf(w: Writer, id: ConsentId, terms: { policy: Policy; now: Date }): Promise<ErrorCode | null> {
  const consent = await w.consents.get(id);
  if (consent.action !== "copy" || consent.switchId !== null) return "conflict";
  try {
    await checkStanding(w, consent, terms);
    return null;
  } catch (error) {
    if (error instanceof RelaisError && !error.retryable) return error.code;
    throw error;
  }
}

export function acceptanceOf(consents: ConsentId[], rest: { at: Date } & Pick<Acceptance, "actor" | "details">): Acceptance {
  return {
    wanted: consents.map((consentId) => ({ consentId, transferId: newId("transfer") })),
    until: new Date(rest.at.getTime() + PATIENCE_HOURS * 3_600_000),
    ...rest,
  };
}
