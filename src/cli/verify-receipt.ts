import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { JWK } from "jose";
import { LogFault } from "../core/ledger/fault.ts";
import {
  readConsentStanding,
  verifyConsentReceipt,
  verifyReceiptInLog,
  type ConsentReceipt,
  type ConsentStanding,
} from "../sdk/consent-receipts.ts";
import { VerificationError } from "../sdk/documents.ts";
import { logAt, LogUnreachable } from "./log-site.ts";
import { PROOF_SUFFIX } from "./proof-beside.ts";

/** How the receipt of a consent is checked: by keys that one has, nothing is asked of the network. */
export interface ReceiptTerms {
  keysOf: (issuer: string) => Promise<JWK[]>;
  isOffline: boolean;
  /** The log's key, where it lies beside the files. */
  logKey: string | null;
}

/** `receipt.jws`, with `receipt.tlog-proof` beside it where there is one: the signature, the place in the public log, and the consent as it is now. */
export async function checkConsentReceipt(
  file: string,
  text: string,
  terms: ReceiptTerms,
): Promise<{ file: string; ok: boolean; says: string }> {
  try {
    const claims = await verifyConsentReceipt(text, terms.keysOf);
    const said = [
      `receipt of the consent ${claims.consent}: ${STATES[claims.state]} on ${claims.at.slice(0, 10)}, signed by ${claims.iss}`,
    ];
    said.push(await sayOfLog(file, claims, terms));
    if (!terms.isOffline) said.push(await sayOfStanding(claims));
    return { file, ok: true, says: said.join("; ") };
  } catch (error) {
    if (!(error instanceof VerificationError) && !(error instanceof LogFault)) throw error;
    return { file, ok: false, says: error.message };
  }
}

const STATES: Record<ConsentReceipt["state"], string> = {
  requested: "asked for",
  active: "given by the person",
  suspended: "interrupted",
  withdrawn: "withdrawn by the person",
  revoked: "revoked by somebody else than the person",
  refused: "refused by the person",
  expired: "expired",
  superseded: "replaced by another one",
};

async function sayOfLog(file: string, claims: ConsentReceipt, { isOffline, logKey }: ReceiptTerms): Promise<string> {
  const kept = await proofBeside(file, claims);
  if (isOffline && (kept === null || logKey === null))
    return "its place in the public log was not looked at, for want of a proof or of the log's key";
  try {
    const site = logAt(claims.iss);
    const proof = kept ?? (await site.proof(claims.log.index));
    if (proof === null)
      throw new VerificationError(`The public log of ${claims.iss} does not hold it: it has no entry ${claims.log.index}.`);
    const { log } = verifyReceiptInLog(claims, proof, logKey ?? (await site.key()));
    return `its hash is entry ${claims.log.index} of the public log ${log}`;
  } catch (error) {
    if (error instanceof LogUnreachable) return "its place in the public log could not be looked at: the log does not answer";
    throw error;
  }
}

/** Named after the receipt's file, or as the log names it when it is saved. */
async function proofBeside(file: string, { log }: ConsentReceipt): Promise<string | null> {
  const stem = file.replace(/\.[^./]+$/, "");
  for (const path of [`${stem}${PROOF_SUFFIX}`, join(dirname(file), `entry-${log.index}${PROOF_SUFFIX}`)]) {
    const proof = await readFile(path, "utf8").catch(() => null);
    if (proof !== null) return proof;
  }
  return null;
}

const NOW: Record<ConsentStanding, string> = {
  valid: "it is in force now",
  ended: "it is not in force now",
  suspended: "it is interrupted now, and may go on again",
};

/** That nobody answers says nothing of the receipt. */
async function sayOfStanding(claims: ConsentReceipt): Promise<string> {
  try {
    return NOW[await readConsentStanding(claims)];
  } catch (error) {
    if (error instanceof VerificationError) return `whether it is in force now could not be asked (${error.message})`;
    throw error;
  }
}
