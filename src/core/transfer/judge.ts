import { checkStanding } from "../consent/check-consent.ts";
import { RelaisError, type ErrorCode } from "../errors.ts";
import { newId, type ConsentId } from "../ids.ts";
import type { Writer } from "../ports.ts";
import type { Policy } from "../policy/policy.ts";
import type { Acceptance, Alike } from "./alike.ts";

export interface Judged {
  allowed: ConsentId[];
  refused: Map<ErrorCode, ConsentId[]>;
  /** Of whom it could not be said, each with why: Relais itself is out of order there. */
  unjudged: { consents: ConsentId[]; error: unknown }[];
}

/** The right to move data now, as strictly as for a single transfer: it is the same function that says so, asked once for all who are alike. */
export async function judge(w: Writer, groups: Alike[], terms: { policy: Policy; now: Date }): Promise<Judged> {
  const judged: Judged = { allowed: [], refused: new Map(), unjudged: [] };
  for (const { one, consents } of groups) {
    try {
      const code = await refusalOf(w, one, terms);
      if (code === null) judged.allowed.push(...consents);
      else judged.refused.set(code, [...(judged.refused.get(code) ?? []), ...consents]);
    } catch (error) {
      judged.unjudged.push({ consents, error });
    }
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
    ...rest,
  };
}
