import { canonicalJson } from "../canonical-json.ts";
import type { ConsentId } from "../ids.ts";
import { sha256 } from "../transfer/manifest.ts";
import type { ConsentState } from "./consent.ts";
import { statusReference } from "./consent-status.ts";
import { CONTEXT, PROFILE, recordOf, type ReceiptTerms } from "./dpv-record.ts";
import type { ChangeId, RecordedChange } from "./record-change.ts";

export const CONSENT_RECEIPT_TYPE = "consent-receipt+jwt";

/** What the person keeps: claims of a compact JWS. */
export interface ConsentReceipt {
  iss: string;
  iat: number;
  /** Also the identifier of the change. */
  jti: ChangeId;
  consent: ConsentId;
  state: ConsentState;
  /** When it came to this state (RFC 3339). */
  at: string;
  /** Entity identifiers. */
  source: string;
  destination: string;
  notice_hash: string;
  status: ReturnType<typeof statusReference>;
  /** The public log holds `hash` at `index`, and nothing else of it. */
  log: { index: number; salt: string; hash: string };
  /** ISO/IEC TS 27560 in the profile of the W3C Data Privacy Vocabulary, JSON-LD. */
  receipt: Record<string, unknown>;
}

/** The fields of the receipt, without its place in the log. */
export function receiptOf(recorded: RecordedChange, terms: ReceiptTerms): Omit<ConsentReceipt, "log"> {
  const { change, consent } = recorded;
  return {
    iss: terms.issuer,
    iat: Math.floor(terms.madeAt.getTime() / 1000),
    jti: change.id,
    consent: consent.id,
    state: change.state,
    at: change.at.toISOString(),
    source: consent.notice.source.entityId,
    destination: consent.notice.destination.entityId,
    notice_hash: consent.noticeHash,
    status: statusReference(terms.issuer, consent.statusIndex),
    receipt: {
      "@context": CONTEXT,
      "@id": `urn:relais:receipt:${change.id}`,
      "@type": "dpv:ConsentReceipt",
      "dct:conformsTo": `${PROFILE}#receipt-eu-gdpr`,
      "dpv:hasIdentifier": change.id,
      "dct:created": terms.madeAt.toISOString(),
      "dct:publisher": terms.issuer,
      "dpv:hasRecordOfActivity": [recordOf(recorded, terms)],
    },
  };
}

/** What the log holds of a receipt: nobody who lacks the salt can tell whose or what it is. */
export function receiptHash(receipt: Omit<ConsentReceipt, "log">, salt: string): string {
  return sha256(`${salt}\n${canonicalJson(receipt)}`);
}
