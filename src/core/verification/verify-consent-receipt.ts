import { CONSENT_RECEIPT_TYPE, receiptHash, type ConsentReceipt } from "../consent/consent-receipt.ts";
import { isEntryOf, shownText, type ShownText } from "../consent/shown-text.ts";
import { CONSENT_STATES } from "../consent/consent.ts";
import type { SignedStatements } from "../federation/statement.ts";
import { isId } from "../ids.ts";
import type { Clock, Reader, Store } from "../ports.ts";
import type { PublicJwk } from "../register/participant.ts";
import { partyOf } from "./party.ts";
import type { ConsentDetails, ConsentStanding, Finding, Verdict } from "./verdict.ts";

export interface ConsentReceiptPorts {
  issuer: string;
  store: Store;
  clock: Clock;
  signed: SignedStatements;
  documentKeys: () => Promise<PublicJwk[]>;
}

/**
 * The receipt of a permission: whether we signed it, whether the public log holds its hash, and whether the permission stands now. Whose it is,
 * nobody is told.
 */
export async function verifyConsentReceipt(ports: ConsentReceiptPorts, jws: string): Promise<Verdict> {
  const claims = readClaims(ports.signed, jws);
  if (claims === null) return verdictOf("unreadable");
  if (claims.iss !== ports.issuer) return verdictOf("not_ours");
  const isSigned = await ports.signed.verify(jws, { type: CONSENT_RECEIPT_TYPE, keys: await ports.documentKeys() }).then(
    () => true,
    () => false,
  );
  return ports.store.read((r) => weigh(r, { claims, jws, isSigned, now: ports.clock.now() }));
}

function verdictOf(finding: Finding): Verdict {
  return { kind: "consent_receipt", finding, about: null, details: null, checks: [], unchecked: [], command: "relais verify FILE" };
}

/** One that we keep is ours, also where its key was revoked since. */
async function weigh(r: Reader, found: { claims: ConsentReceipt; jws: string; isSigned: boolean; now: Date }): Promise<Verdict> {
  const { claims, jws, isSigned, now } = found;
  const isKept = (await r.changes.find(claims.jti))?.receipt === jws;
  if (!isSigned && !isKept) return { ...verdictOf("forged"), checks: [{ check: "signature", holds: false }] };
  const isLogged = await isInLog(r, claims);
  const text = shownText(claims);
  const isPublished = text === null || (await isTextInLog(r, text));
  return {
    ...verdictOf(isLogged && isPublished ? "holds" : "contradicted"),
    details: await detailsOf(r, claims, now),
    checks: [
      { check: "signature", holds: isSigned },
      { check: "kept_copy", holds: isKept },
      { check: "hash_in_log", holds: isLogged },
      ...(text === null ? [] : [{ check: "text_in_log" as const, holds: isPublished }]),
    ],
    unchecked: ["person"],
  };
}

async function isInLog(r: Reader, { log, ...receipt }: ConsentReceipt): Promise<boolean> {
  const [entry] = await r.ledger.entries({ from: log.index, to: log.index + 1 });
  if (entry === undefined || log.hash !== receiptHash(receipt, log.salt)) return false;
  const { kind, hash } = JSON.parse(entry.toString("utf8")) as { kind?: unknown; hash?: unknown };
  return kind === "consent" && hash === log.hash;
}

async function isTextInLog(r: Reader, text: ShownText): Promise<boolean> {
  const [entry] = await r.ledger.entries({ from: text.logIndex, to: text.logIndex + 1 });
  return entry !== undefined && isEntryOf(text, entry);
}

async function detailsOf(r: Reader, claims: ConsentReceipt, now: Date): Promise<ConsentDetails> {
  return {
    consent: claims.consent,
    state: claims.state,
    at: new Date(claims.at),
    source: await partyOf(r, claims.source),
    destination: await partyOf(r, claims.destination),
    noticeHash: claims.notice_hash,
    logIndex: claims.log.index,
    standing: await standingOf(r, claims, now),
  };
}

/** Where the person had everything about them deleted, the receipt that they kept says that it was given, and nothing says that it stands. */
async function standingOf(r: Reader, { consent }: ConsentReceipt, now: Date): Promise<ConsentStanding> {
  const known = await r.consents.find(consent);
  if (known === null || known.expiresAt <= now) return "ended";
  const { state } = known;
  return state === "active" ? "valid" : state === "suspended" ? "suspended" : "ended";
}

function readClaims(signed: SignedStatements, jws: string): ConsentReceipt | null {
  try {
    return claimsOf(signed.read(jws).claims);
  } catch {
    return null;
  }
}

const TEXTS = ["iss", "at", "source", "destination", "notice_hash"];

/** Null where it lacks what every one of them has. */
export function claimsOf(claims: Record<string, unknown>): ConsentReceipt | null {
  const { jti, consent, state, at, log, receipt } = claims;
  const { index, salt, hash } = (log ?? {}) as Record<string, unknown>;
  const isWhole =
    TEXTS.every((name) => typeof claims[name] === "string") &&
    isId("change", jti) &&
    isId("consent", consent) &&
    (CONSENT_STATES as readonly unknown[]).includes(state) &&
    !Number.isNaN(Date.parse(String(at))) &&
    Number.isSafeInteger(index) &&
    typeof salt === "string" &&
    typeof hash === "string" &&
    typeof receipt === "object";
  return isWhole ? (claims as unknown as ConsentReceipt) : null;
}
