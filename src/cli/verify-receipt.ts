import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { JWK } from "jose";
import { LogFault } from "../core/ledger/fault.ts";
import {
  readConsentStanding,
  shownText,
  verifyConsentReceipt,
  verifyReceiptInLog,
  verifyTextInLog,
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
    said.push(...(await sayOfText(file, claims, terms)));
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

function sayOfLog(file: string, claims: ConsentReceipt, terms: ReceiptTerms): Promise<string> {
  const { index } = claims.log;
  const beside = [`${file.replace(/\.[^./]+$/, "")}${PROOF_SUFFIX}`, proofNamed(file, index)];
  return sayOfEntry(claims, terms, { what: "its place in the public log", index, beside }, (proof, key) => {
    const { log } = verifyReceiptInLog(claims, proof, key);
    return `its hash is entry ${index} of the public log ${log}`;
  });
}

/** Nothing where the receipt names no entry of the wording. */
async function sayOfText(file: string, claims: ConsentReceipt, terms: ReceiptTerms): Promise<string[]> {
  const text = shownText(claims);
  if (text === null) return [];
  const { version, language, logIndex: index } = text;
  const what = "whether the wording that was shown is the published one";
  const says = `the wording that was shown is the published one: version ${version} (${language}), entry ${index} of the public log`;
  const asked = { what, index, beside: [proofNamed(file, index)] };
  return [await sayOfEntry(claims, terms, asked, (proof, key) => verifyTextInLog(claims, proof, key) && says)];
}

/** As the log names a proof when it is saved. */
function proofNamed(file: string, index: number): string {
  return join(dirname(file), `entry-${index}${PROOF_SUFFIX}`);
}

/** By the first proof that lies beside the receipt, or by what the log answers. */
async function sayOfEntry(
  { iss }: ConsentReceipt,
  { isOffline, logKey }: ReceiptTerms,
  { what, index, beside }: { what: string; index: number; beside: string[] },
  check: (proof: string, key: string) => string | null,
): Promise<string> {
  const kept = await firstFile(beside);
  if (isOffline && (kept === null || logKey === null)) return `${what} was not looked at, for want of a proof or of the log's key`;
  try {
    const site = logAt(iss);
    const proof = kept ?? (await site.proof(index));
    if (proof === null) throw new VerificationError(`The public log of ${iss} does not hold it: it has no entry ${index}.`);
    return check(proof, logKey ?? (await site.key())) ?? what;
  } catch (error) {
    if (error instanceof LogUnreachable) return `${what} could not be looked at: the log does not answer`;
    throw error;
  }
}

async function firstFile(paths: string[]): Promise<string | null> {
  for (const path of paths) {
    const text = await readFile(path, "utf8").catch(() => null);
    if (text !== null) return text;
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
