import { CONSENT_RECEIPT_TYPE } from "../consent/consent-receipt.ts";
import { RelaisError } from "../errors.ts";
import { MARK_TYP } from "../federation/trust-mark.ts";
import { MANIFEST_TYPE, RECEIPT_TYPE } from "../transfer/manifest.ts";
import type { Verdict } from "./verdict.ts";
import { verifyConsentReceipt } from "./verify-consent-receipt.ts";
import { isProof, verifyLogProof, type ProofPorts } from "./verify-log-proof.ts";
import { verifyMark, type MarkCheckPorts } from "./verify-mark.ts";
import { verifyTransferDocument, type TransferDocumentPorts } from "./verify-transfer-document.ts";

export type VerifyingPorts = MarkCheckPorts & TransferDocumentPorts & ProofPorts;

/** A document that was handed in, checked; bound to its ports, so that an edge can do nothing else with them. */
export type DocumentCheck = (text: string) => Promise<Verdict>;

export const LARGEST_DOCUMENT_BYTES = 256 * 1024;

type JwsCheck = (ports: VerifyingPorts, jws: string) => Promise<Verdict>;

const CHECKS: Record<string, JwsCheck> = {
  [MARK_TYP]: verifyMark,
  [MANIFEST_TYPE]: (ports, jws) => verifyTransferDocument(ports, jws, "manifest"),
  [CONSENT_RECEIPT_TYPE]: verifyConsentReceipt,
  [RECEIPT_TYPE]: (ports, jws) => verifyTransferDocument(ports, jws, "receipt"),
};

/**
 * What a trust mark, a manifest, a receipt, a permission’s receipt or a proof of the log is worth: by our keys and those of the register, by our tables and by our log.
 * Nothing that the text names is asked for, and nothing of the text is kept.
 * @throws RelaisError `invalid` for an empty text, `too_large`.
 */
export async function verifyDocument(ports: VerifyingPorts, given: string): Promise<Verdict> {
  if (Buffer.byteLength(given) > LARGEST_DOCUMENT_BYTES)
    throw new RelaisError("too_large", `A document to check is at most ${LARGEST_DOCUMENT_BYTES / 1024} KiB.`, { actor: "client" });
  const text = given
    .replace(/^\uFEFF/, "")
    .replaceAll("\r\n", "\n")
    .trim();
  if (text === "") throw new RelaisError("invalid", "Hand in a trust mark, a manifest, a receipt or a proof file: there is nothing here.");
  if (isProof(text)) return verifyLogProof(ports, `${text}\n`);
  const jws = text.replaceAll(/\s+/g, "");
  const check = CHECKS[typeOf(jws)];
  return check ? check(ports, jws) : UNREADABLE;
}

/** Line breaks that a mail or a terminal put in do no harm to a compact JWS; whatever else is in it makes it another text. */
function typeOf(jws: string): string {
  const [header] = /^[\w-]+\.[\w-]+\.[\w-]*$/.test(jws) ? jws.split(".") : [];
  if (header === undefined) return "";
  try {
    const { typ } = JSON.parse(Buffer.from(header, "base64url").toString("utf8")) as { typ?: unknown };
    return typeof typ === "string" && Object.hasOwn(CHECKS, typ.toLowerCase()) ? typ.toLowerCase() : "";
  } catch {
    return "";
  }
}

const UNREADABLE: Verdict = {
  kind: "other",
  finding: "unreadable",
  about: null,
  details: null,
  checks: [],
  unchecked: [],
  command: "relais verify FILE",
};
