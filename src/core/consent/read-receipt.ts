import { RelaisError } from "../errors.ts";
import type { ConsentId, PersonId } from "../ids.ts";
import type { Reader } from "../ports.ts";
import type { Consent } from "./consent.ts";
import type { ConsentReceipt } from "./consent-receipt.ts";
import { ownConsent } from "./decide-consent.ts";
import { needsReceipt, type ChangeId, type ConsentChange } from "./record-change.ts";

export interface OwnReceipt {
  consent: Consent;
  change: ConsentChange;
  /** Null in the moment before it is made. */
  signed: { jws: string; claims: ConsentReceipt } | null;
}

/** The receipt of one change of the person's own consent; another person's does not exist. @throws RelaisError `not_found`. */
export async function readReceipt(
  r: Reader,
  { consentId, personId, changeId }: { consentId: ConsentId; personId: PersonId; changeId: ChangeId },
): Promise<OwnReceipt> {
  const consent = await ownConsent(r, consentId, personId);
  const change = await r.changes.find(changeId);
  if (change === null || change.consentId !== consent.id || !needsReceipt(change))
    throw new RelaisError("not_found", "There is no such receipt.", { actor: "person" });
  return { consent, change, signed: change.receipt === null ? null : { jws: change.receipt, claims: claimsIn(change.receipt) } };
}

/** Our own words, which we kept: their signature is for others. */
function claimsIn(jws: string): ConsentReceipt {
  return JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString("utf8")) as ConsentReceipt;
}
