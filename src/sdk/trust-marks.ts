import { STATUS } from "../core/federation/status-list.ts";
import type { EntityStatement } from "../core/federation/statement.ts";
import { MARK_TYP, validateTrustMark, type MarkClaims } from "../core/federation/trust-mark.ts";
import type { PublicJwk } from "../core/register/participant.ts";
import { VerificationError } from "./documents.ts";
import { fetchText, keysAt, readAnchor, readBelow, sayWhy, type WebFetch } from "./federation-site.ts";
import { signed } from "./signed.ts";
import { readListed } from "./status-lists.ts";

export type MarkStanding = "active" | "suspended" | "revoked" | "expired" | "forged" | "other_subject";

export interface CheckedMark {
  standing: MarkStanding;
  /** Why, as a sentence. */
  says: string;
  /** What the mark says, where it is not forged. */
  mark: MarkClaims | null;
}

export interface MarkQuestion {
  /** Whom you trust, by its entity identifier, and better by its keys too. */
  anchor: { entityId: string; keys?: PublicJwk[] };
  /** Who showed you the mark; without it any bearer will do. */
  subject?: string;
  /** `status` asks the issuer about this mark; `list` reads the list of all marks, which tells nobody which one you look at. */
  live?: "status" | "list";
  fetch?: WebFetch;
  now?: Date;
}

/**
 * Whether a trust mark holds now (OpenID Federation 1.0 §7.3 and §8.4, Token Status List draft 20): by keys of its issuer that the anchor vouches
 * for, and by the issuer's word of this moment.
 * @throws VerificationError where nobody can be asked: that says nothing of the mark.
 */
export async function verifyTrustMark(jwt: string, question: MarkQuestion): Promise<CheckedMark> {
  const { fetch: fetcher = fetch, now = new Date(), live = "status" } = question;
  const anchor = await readAnchor(fetcher, question.anchor, now);
  const claims = claimsOf(jwt);
  if (claims === null) return forged("This is not a trust mark.");
  if (!mayIssue(anchor, claims)) return forged(`${anchor.sub} does not let ${claims.iss} give marks of this type.`);
  const issuer = claims.iss === anchor.sub ? anchor : await readBelow(fetcher, claims.iss, anchor, now);
  const { keys, revoked } = await keysAt(fetcher, issuer, { kid: signed.read(jwt).kid, at: claims.iat });
  if (revoked !== null)
    return forged(`It names a key of ${issuer.sub} that was revoked (${revoked}): whoever has it may have signed this.`);
  const broken = await flawOf(jwt, { claims, anchor, keys, now });
  if (broken !== null) return forged(broken);
  if (question.subject !== undefined && claims.sub !== question.subject)
    return { standing: "other_subject", says: `It is signed, and was given to ${claims.sub}, not to ${question.subject}.`, mark: claims };
  const standing = isOver(claims, now) ? "expired" : await ask(live, { fetcher, jwt, claims, issuer, now });
  return standing === "forged"
    ? forged(`${issuer.sub} does not know this mark.`)
    : { standing, says: SAYS[standing](claims), mark: claims };
}

const day = (seconds: unknown): string => new Date(Number(seconds) * 1000).toISOString().slice(0, 10);

const SAYS: Record<Exclude<MarkStanding, "forged" | "other_subject">, (mark: MarkClaims) => string> = {
  active: (mark) => `${mark.sub} is accredited by ${mark.iss}${mark.exp === undefined ? "" : ` until ${day(mark.exp)}`}.`,
  suspended: (mark) => `The accreditation of ${mark.sub} is suspended; it may come back with a new mark.`,
  revoked: (mark) => `This mark of ${mark.sub} was ended: revoked, or replaced by a newer one.`,
  expired: (mark) => `The time of this mark of ${mark.sub} was over on ${day(mark.exp)}.`,
};

const forged = (says: string): CheckedMark => ({ standing: "forged", says, mark: null });
const isOver = ({ exp }: MarkClaims, now: Date): boolean => exp !== undefined && exp * 1000 <= now.getTime();

function claimsOf(jwt: string): MarkClaims | null {
  try {
    const { claims } = signed.read(jwt);
    return typeof claims["iss"] === "string" && typeof claims["sub"] === "string" && typeof claims["iat"] === "number"
      ? (claims as MarkClaims)
      : null;
  } catch {
    return null;
  }
}

/** Before anything is asked of an issuer that the anchor does not name. */
function mayIssue({ trustMarkIssuers }: EntityStatement, { iss, trust_mark_type: type }: MarkClaims): boolean {
  const issuers = Object.hasOwn(trustMarkIssuers, type) ? trustMarkIssuers[type] : undefined;
  return issuers !== undefined && (issuers.length === 0 || issuers.includes(iss));
}

interface Checked {
  claims: MarkClaims;
  anchor: EntityStatement;
  keys: PublicJwk[];
  now: Date;
}

/** Null where it is signed as it must be. Its end is told apart, so it is checked as of its last moment. */
async function flawOf(jwt: string, { claims, anchor, keys, now }: Checked): Promise<string | null> {
  const moment = claims.exp === undefined ? now : new Date(Math.min(now.getTime(), claims.exp * 1000 - 1));
  try {
    await validateTrustMark(signed, jwt, { subject: claims.sub, anchor, issuerKeys: async () => keys, now: moment });
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

interface Asked {
  fetcher: WebFetch;
  jwt: string;
  claims: MarkClaims;
  issuer: EntityStatement;
  now: Date;
}

type Live = "active" | "suspended" | "revoked" | "expired" | "forged";

function ask(live: "status" | "list", asked: Asked): Promise<Live> {
  return sayWhy(() => (live === "list" ? readList(asked) : askIssuer(asked)));
}

const ANSWERS: Record<string, Live> = {
  active: "active",
  suspended: "suspended",
  revoked: "revoked",
  expired: "expired",
  invalid: "forged",
};
const FRESH_SECONDS = 300;

async function askIssuer({ fetcher, jwt, issuer, now }: Asked): Promise<Live> {
  const endpoint = issuer.metadata["federation_entity"]?.["federation_trust_mark_status_endpoint"];
  if (typeof endpoint !== "string") throw new VerificationError(`${issuer.sub} publishes no endpoint for the status of trust marks.`);
  const answer = await fetchText(fetcher, endpoint, { method: "POST", body: new URLSearchParams({ trust_mark: jwt }) });
  if (answer === null) return "forged";
  const {
    iss,
    iat,
    trust_mark: about,
    status,
  } = await signed.verify(answer, { type: "trust-mark-status-response+jwt", keys: issuer.keys });
  const isFresh = Math.abs(Number(iat) - now.getTime() / 1000) < FRESH_SECONDS;
  const known = typeof status === "string" && Object.hasOwn(ANSWERS, status) ? ANSWERS[status] : undefined;
  if (iss !== issuer.sub || about !== jwt || !isFresh || known === undefined)
    throw new VerificationError(`${issuer.sub} answered about another mark, of another time, or in words that are not known here.`);
  return known;
}

const VALUES: Record<number, Live> = { [STATUS.valid]: "active", [STATUS.invalid]: "revoked", [STATUS.suspended]: "suspended" };

async function readList({ fetcher, claims, issuer, now }: Asked): Promise<Live> {
  const known = VALUES[await readListed(fetcher, claims, issuer, now)];
  if (known === undefined) throw new VerificationError("The status list says of the mark what is not known here.");
  return known;
}

/** Whether this is meant to be a trust mark. */
export function isTrustMark(text: string): boolean {
  try {
    const [header = ""] = text.split(".");
    return (JSON.parse(Buffer.from(header, "base64url").toString("utf8")) as { typ?: unknown }).typ === MARK_TYP;
  } catch {
    return false;
  }
}
