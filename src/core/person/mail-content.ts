import type { Consent } from "../consent/consent.ts";
import type { ConsentId } from "../ids.ts";
import type { Writer } from "../ports.ts";
import type { DecisionId } from "../register/application.ts";
import type { Participant } from "../register/participant.ts";
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
  | { kind: "standing"; notice: PersonNotice; participant: Participant }
  | { kind: "reminder"; permissions: RemindedPermission[]; unsubscribe: string };

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
  const live = (await w.consents.list(mail.personId)).filter(
    ({ state, action, expiresAt }) => state === "active" && action === "copy" && expiresAt > now,
  );
  if (live.length === 0) return null;
  const transfers = await w.transfers.list(mail.personId);
  const lastOf = (id: ConsentId): Date | null =>
    transfers.find(({ consentId, endedAt }) => consentId === id && endedAt !== null)?.endedAt ?? null;
  const permissions: RemindedPermission[] = [];
  for (const consent of live)
    permissions.push({ consent, lastAt: lastOf(consent.id), token: await linkTo(w, occasion, "permission", consent.id) });
  return { kind: "reminder", permissions, unsubscribe: await linkTo(w, occasion, "unsubscribe", occasion.address.id) };
}
