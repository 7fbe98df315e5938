import type { Consent } from "../consent/consent.ts";
import { needsReceipt, type ConsentChange } from "../consent/record-change.ts";
import type { ConsentId, SwitchId } from "../ids.ts";
import type { Writer } from "../ports.ts";
import type { DecisionId } from "../register/application.ts";
import type { Participant } from "../register/participant.ts";
import type { BrowserFamily } from "./browser-family.ts";
import type { Transfer } from "../transfer/transfer.ts";
import type { LinkPurpose, LinkTokens, Mail, MailKind } from "./mail.ts";
import type { MailAddress } from "./mail-address.ts";
import { hashOfToken } from "./own-address.ts";
import type { PersonNotice } from "./person-notice.ts";

/** A permission as a reminder names it, with the word that opens its two links. */
export interface RemindedPermission {
  consent: Consent;
  /** When data last came under it. */
  lastAt: Date | null;
  token: string;
}

/** What a mail tells, as it is at the moment of sending. */
export type MailContent =
  | { kind: "address-proof"; token: string }
  | { kind: "address-changed" }
  | { kind: "address-test" }
  | { kind: "consent"; consent: Consent; change: ConsentChange; news: ConsentNews }
  | { kind: "switch-begun" | "switch-closing"; source: Participant; destination: Participant; switchId: SwitchId }
  | { kind: "new-browser"; browser: BrowserFamily; at: Date }
  | { kind: "passkey-added" | "recovery-used"; at: Date }
  | { kind: "standing"; notice: PersonNotice; participant: Participant }
  | { kind: "reminder"; permissions: RemindedPermission[]; unsubscribe: string };

/** What a change of a consent is to its person. */
export type ConsentNews = "granted" | "changed" | "stopped" | "revoked" | "refused" | "expired";

interface Occasion {
  mail: Mail;
  address: MailAddress;
  tokens: LinkTokens;
  now: Date;
}

type Reading = (w: Writer, occasion: Occasion) => Promise<MailContent | null>;

/** How each kind of mail finds what it tells; null where nothing is left to say. */
const READINGS = {
  "address-proof": async (w, occasion) => ({ kind: "address-proof", token: await linkTo(w, occasion, "prove", occasion.address.id) }),
  "address-changed": async () => ({ kind: "address-changed" }),
  "address-test": async () => ({ kind: "address-test" }),
  consent: readConsent,
  "switch-begun": readSwitch("switch-begun"),
  "switch-closing": readSwitch("switch-closing"),
  "new-browser": async (_w, { mail }) => ({ kind: "new-browser", browser: mail.about as BrowserFamily, at: mail.createdAt }),
  "passkey-added": async (_w, { mail }) => ({ kind: "passkey-added", at: mail.createdAt }),
  "recovery-used": async (_w, { mail }) => ({ kind: "recovery-used", at: mail.createdAt }),
  standing: readStanding,
  reminder: readReminder,
} as const satisfies Record<MailKind, Reading>;

/** Reads what this mail tells, and keeps the digests of its links. Null: nothing, and then nothing is sent. */
export async function contentOf(w: Writer, occasion: Occasion): Promise<MailContent | null> {
  return READINGS[occasion.mail.kind](w, occasion);
}

/** Days for which the links of a mail open what they stand for. */
const LINK_DAYS = { prove: 1, permission: 30, unsubscribe: 365 } as const satisfies Record<LinkPurpose, number>;

async function linkTo(w: Writer, { mail, address, tokens, now }: Occasion, purpose: LinkPurpose, about: string): Promise<string> {
  const token = tokens.tokenOf({ mailId: mail.id, purpose, about });
  const expiresAt = new Date(now.getTime() + LINK_DAYS[purpose] * 86_400_000);
  const link = { mailId: mail.id, personId: mail.personId, addressId: address.id, purpose, about, expiresAt };
  await w.mailing.addLinks([{ tokenHash: hashOfToken(token), ...link }]);
  return token;
}

async function readConsent(w: Writer, { mail }: Occasion): Promise<MailContent | null> {
  const consent = await w.consents.find(mail.about as ConsentId);
  const change = (await w.changes.of(mail.about as ConsentId)).find(({ id }) => id === mail.occasion);
  const news = consent && change && newsOf(consent, change);
  return news ? { kind: "consent", consent, change, news } : null;
}

const NEWS = { withdrawn: "stopped", revoked: "revoked", refused: "refused", expired: "expired" } as const;

/**
 * Null for what is told otherwise: what follows from a participant's standing, the permission that was changed (the one in its place tells it), and
 * the act of a switch that deletes.
 */
function newsOf(consent: Consent, change: ConsentChange): ConsentNews | null {
  const { earlier, state } = change;
  if (!needsReceipt(change) || consent.action === "erase") return null;
  if (state === "active") return earlier === "requested" ? (consent.supersedes === null ? "granted" : "changed") : null;
  return state in NEWS ? NEWS[state as keyof typeof NEWS] : null;
}

function readSwitch(kind: "switch-begun" | "switch-closing"): Reading {
  return async (w, { mail }) => {
    const { id, sourceId, destinationId } = await w.switches.get(mail.about as SwitchId);
    const [source, destination] = [await w.participants.get(sourceId), await w.participants.get(destinationId)];
    return { kind, switchId: id, source, destination };
  };
}

/** What was read on the pages since, or followed by something newer, is not mailed any more. */
async function readStanding(w: Writer, { mail }: Occasion): Promise<MailContent | null> {
  const notice = (await w.personNotices.unread(mail.personId)).find(({ decisionId }) => decisionId === (mail.occasion as DecisionId));
  return notice === undefined ? null : { kind: "standing", notice, participant: await w.participants.get(notice.participantId) };
}

/** Whoever came back since needs no reminder, nor does whoever allows nothing any more. */
async function readReminder(w: Writer, occasion: Occasion): Promise<MailContent | null> {
  const { mail, now } = occasion;
  const lastSignIn = await w.mail.lastSignIn(mail.personId);
  if (lastSignIn !== null && lastSignIn > mail.createdAt) return null;
  const transfers = await w.transfers.list(mail.personId);
  const live = (await w.consents.list(mail.personId)).filter((consent) => mayMoveData(consent, transfers, now));
  if (live.length === 0) return null;
  const lastOf = (id: ConsentId): Date | null =>
    transfers.find(({ consentId, endedAt }) => consentId === id && endedAt !== null)?.endedAt ?? null;
  const permissions: RemindedPermission[] = [];
  for (const consent of live)
    permissions.push({ consent, lastAt: lastOf(consent.id), token: await linkTo(w, occasion, "permission", consent.id) });
  return { kind: "reminder", permissions, unsubscribe: await linkTo(w, occasion, "unsubscribe", occasion.address.id) };
}

/** A single delivery that was made lets nothing more go. */
function mayMoveData({ id, state, action, expiresAt, notice }: Consent, transfers: Transfer[], now: Date): boolean {
  const isMade = notice.recurrence === null && transfers.some((one) => one.consentId === id && one.state === "verified");
  return state === "active" && action !== "erase" && expiresAt > now && !isMade;
}
