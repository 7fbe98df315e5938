import type { JWK } from "jose";
import { CONSENT_RECEIPT_TYPE, receiptHash, type ConsentReceipt } from "../core/consent/consent-receipt.ts";
import { isEntryOf, shownText, type ShownText } from "../core/consent/shown-text.ts";
import { STATUS } from "../core/federation/status-list.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { claimsOf } from "../core/verification/verify-consent-receipt.ts";
import { VerificationError } from "./documents.ts";
import { readAnchor, sayWhy, type WebFetch } from "./federation-site.ts";
import { verifyLogProof } from "./log.ts";
import { signed } from "./signed.ts";
import { readListed } from "./status-lists.ts";

export type { ConsentReceipt } from "../core/consent/consent-receipt.ts";
export { shownText, type ShownText } from "../core/consent/shown-text.ts";

/** Whether this is meant to be the receipt of a consent. */
export function isConsentReceipt(text: string): boolean {
  try {
    const [header = ""] = text.split(".");
    return (JSON.parse(Buffer.from(header, "base64url").toString("utf8")) as { typ?: unknown }).typ === CONSENT_RECEIPT_TYPE;
  } catch {
    return false;
  }
}

/**
 * Checks who signed the receipt of a consent, offline: its type, its members and its signature by a key of its issuer, of now or of the past.
 * `keysOf` finds an issuer's keys: a file you keep, or its published set.
 * @throws VerificationError
 */
export async function verifyConsentReceipt(jws: string, keysOf: (issuer: string) => Promise<JWK[]>): Promise<ConsentReceipt> {
  const claims = await sayWhy(async () => claimsOf(signed.read(jws).claims));
  if (claims === null)
    throw new VerificationError("The receipt lacks members that every receipt of a consent has, or they are in another form.");
  const keys = (await keysOf(claims.iss)) as PublicJwk[];
  await sayWhy(() => signed.verify(jws, { type: CONSENT_RECEIPT_TYPE, keys })).catch((cause: unknown) => {
    throw new VerificationError(`The signature is not by ${claims.iss}: the receipt was changed, or somebody else signed it.`, { cause });
  });
  const { log, ...receipt } = claims;
  if (receiptHash(receipt, log.salt) !== log.hash)
    throw new VerificationError("The hash in the receipt is not that of the receipt: the public log cannot vouch for it.");
  return claims;
}

/**
 * Checks, offline too, that the public log holds the receipt's hash where the receipt says. `proof` is a `.tlog-proof` file, `key` the log's key in
 * text form.
 * @throws VerificationError, LogFault
 */
export function verifyReceiptInLog({ log }: ConsentReceipt, proof: string, key: string): { log: string; size: number } {
  const { index, entry, checkpoint } = verifyLogProof(proof, null, key);
  const { kind, hash } = JSON.parse(entry.toString("utf8")) as { kind?: unknown; hash?: unknown };
  if (index !== log.index || kind !== "consent" || hash !== log.hash)
    throw new VerificationError("The proof is of another entry of the public log than the receipt's.");
  return { log: checkpoint.origin, size: checkpoint.size };
}

/**
 * Checks, offline too, that the wording that the person was shown beside the facts is the published one: the public log tells of it where the receipt
 * says. Null where the receipt names no entry (it is older than these entries).
 * @throws VerificationError, LogFault
 */
export function verifyTextInLog(claims: ConsentReceipt, proof: string, key: string): ShownText | null {
  const text = shownText(claims);
  if (text === null) return null;
  const { index, entry } = verifyLogProof(proof, null, key);
  if (index !== text.logIndex || !isEntryOf(text, entry))
    throw new VerificationError(`The wording in the receipt (version ${text.version}) is not the one that the public log tells of.`);
  return text;
}

/** The consent as it is now. */
export type ConsentStanding = "valid" | "ended" | "suspended";

const STANDINGS: Record<number, ConsentStanding> = { [STATUS.valid]: "valid", [STATUS.invalid]: "ended", [STATUS.suspended]: "suspended" };

/**
 * Whether the consent stands at this moment, by its issuer's status list: nobody learns which consent you look at.
 * @throws VerificationError where the list cannot be read.
 */
export async function readConsentStanding(
  claims: ConsentReceipt,
  { fetch: fetcher = fetch, now = new Date() }: { fetch?: WebFetch; now?: Date } = {},
): Promise<ConsentStanding> {
  const issuer = await readAnchor(fetcher, { entityId: claims.iss }, now);
  const value = await sayWhy(() => readListed(fetcher, claims, issuer, now));
  const known = STANDINGS[value];
  if (known === undefined) throw new VerificationError("The status list says of the consent what is not known here.");
  return known;
}
