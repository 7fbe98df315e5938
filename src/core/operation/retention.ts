import { DEAD_LETTER_DAYS } from "./measures.ts";

/** For how many days; the operator's to say (docs/configuration.md). */
export interface KeepingTerms {
  /** Names of items, after their transfer ended. */
  itemNames: number;
  /** What was sent, told and looked at. */
  journals: number;
  /** Permissions and proofs of delivery, after the permission ended. */
  proofs: number;
}

interface Retained {
  /** What it says, to whoever asks what Relais holds. */
  holds: string;
  /** Where its time begins. */
  from: string;
  /** Days, or whose setting says how many. */
  keep: number | keyof KeepingTerms;
  why: string;
}

const ITS_END = "its own end";
const NEEDLESS = "Past its end it opens nothing and proves nothing (GDPR art. 5(1)(e)).";
const TRACES = "Traces of what was done are kept about six months (CNIL, guide for developers, sheet on retention).";
const PROOF =
  "Consent must be demonstrable (GDPR art. 7(1)), and claims may be brought for five years (code civil, art. 2224; GDPR art. 17(3)(e)).";

/**
 * How long what Relais holds is kept, and in which order what is past its time goes: nothing before what refers to it. docs/retention.md is made of it.
 */
// oxfmt-ignore
export const RETENTION = {
  "sessions":            { holds: "sign-ins: a digest, the name shown, the browser's kind", from: ITS_END, keep: 0, why: NEEDLESS },
  "oauth-records":       { holds: "codes, tokens, grants, requests pushed, proofs and assertions seen (jti)", from: ITS_END, keep: 0, why: NEEDLESS + " A proof counts once until then." },
  "given-answers":       { holds: "answers to requests with an Idempotency-Key", from: ITS_END, keep: 0, why: "The key stands for a day, as the API says." },
  "transfer-keys":       { holds: "which transfer a key stands for", from: "the request", keep: DEAD_LETTER_DAYS + 1, why: "As long as an operator may bring back what failed, so that it is brought back once." },
  "mail-links":          { holds: "digests of links in mails", from: ITS_END, keep: 0, why: NEEDLESS },
  "mails":               { holds: "that a mail of some kind was sent to a person; neither its text nor where to", from: "when it was sent, or given up", keep: "journals", why: TRACES + " A reminder looks back 90 days." },
  "office-mails":        { holds: "that an office was mailed", from: "when it was sent, or given up", keep: "journals", why: TRACES },
  "unproved-addresses":  { holds: "a sealed mail address that nobody proved, or that another one replaced", from: "when it was given, or replaced", keep: 7, why: "The link that proves it lives a day, and a mail is tried for three." },
  "mail-attempts":       { holds: "keyed digests of addresses that mail was asked for", from: "the attempt", keep: 1, why: "Nobody is flooded: attempts of a day are counted." },
  "account-openings":    { holds: "keyed digests of networks that accounts were opened from", from: "the opening", keep: 1 / 24, why: "Openings of an hour are counted." },
  "person-notices":      { holds: "that a person was told of a participant's end", from: "when it was read", keep: "journals", why: TRACES + " Unread, it waits for its person." },
  "person-accesses":     { holds: "which office looked at what names a person", from: "the look", keep: "journals", why: TRACES },
  "authority-views":     { holds: "what a supervising authority looked at", from: "the look", keep: "journals", why: TRACES },
  "invitations":         { holds: "digests of invitations to join for a participant", from: ITS_END, keep: 30, why: "Until then whoever was invited is told that it is over." },
  "notices":             { holds: "events to participants about participants", from: "when it was acknowledged, or given up", keep: "journals", why: TRACES },
  "campaigns":           { holds: "deliveries asked for at once: ids of permissions", from: "its end", keep: "journals", why: TRACES },
  "mailbox-deliveries":  { holds: "that a platform had something to fetch", from: "when it was closed", keep: 30, why: "So long a platform is told how it ended." },
  "item-names":          { holds: "names, digests and sizes of the items of a transfer; their counts stay", from: "the end of the transfer", keep: "itemNames", why: "A name may say what is in it (GDPR art. 5(1)(c)). The person sees what did not move, and can ask about it, until then; after that it stands in their receipt alone." },
  "unanswered-requests": { holds: "permissions that were asked for and never given, with their notice", from: "the refusal, or the end of the request", keep: 190, why: "A refusal is remembered for six months (docs/consent.md); then there is nothing to prove." },
  "transfers":           { holds: "a transfer with its timeline, counts, manifest and receipt", from: "the end of its permission", keep: "proofs", why: PROOF },
  "switches":            { holds: "a move from one place to another", from: "the end of its permissions", keep: "proofs", why: PROOF },
  "permissions":         { holds: "a permission with its notice, changes, receipts, parties, problem reports, and what participants were told of it", from: "its end, or that of the one that replaced it", keep: "proofs", why: PROOF + " That a withdrawal was passed on must be shown (GDPR art. 19)." },
  "journeys":            { holds: "several permissions asked for on one way", from: "its end, once nothing refers to it", keep: "journals", why: NEEDLESS },
  "removed-accounts":    { holds: "that there was an account at a participant; the account itself was erased when the person removed it", from: "when nothing refers to it", keep: 0, why: NEEDLESS },
  "removed-evidence":    { holds: "files that an applicant took back", from: "when it was taken back", keep: "proofs", why: "A decision may rest on it; claims may be brought for five years (code civil, art. 2224)." },
} as const satisfies Record<string, Retained>;

export type RetainedKind = keyof typeof RETENTION;
export const RETAINED_KINDS = Object.keys(RETENTION) as RetainedKind[];

/** Nothing of it is past its time any more (`isOver`), or more is than one step takes. */
export interface Removed {
  removed: number;
  isOver: boolean;
}

export interface RetentionRound {
  kind: RetainedKind;
  /** Since when nothing was left that is past its time; null where that never was. */
  doneAt: Date | null;
  beganAt: Date;
  /** Past its time and still there at the last look; counted to 10 000. */
  leftOver: number;
}

export interface RetentionWriter {
  /**
   * Removes at most `limit` records of this kind that are past their time, by the database's clock. What somebody else holds just now stays for the
   * next time. Null where another process is at this kind: two never do the same. The transaction should be this step's alone.
   */
  step(kind: RetainedKind, keep: { days: number; limit: number }): Promise<Removed | null>;
  /** Counts what a round could not remove; called where its last step was not over. */
  countLeft(kind: RetainedKind, days: number): Promise<number>;
}

export function daysOf(kind: RetainedKind, terms: KeepingTerms): number {
  const { keep } = RETENTION[kind] as Retained;
  return typeof keep === "number" ? keep : terms[keep];
}

/** A look comes every few minutes: after a day without one that left nothing, something is wrong. */
export const BEHIND_SECONDS = 86_400;
