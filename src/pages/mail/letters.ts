import type { Language } from "../../core/catalogue/data-set.ts";
import type { Consent } from "../../core/consent/consent.ts";
import type { Letter, LetterWriter, MailKind } from "../../core/person/mail.ts";
import type { MailContent, RemindedPermission } from "../../core/person/mail-content.ts";
import { REMINDER_DAYS } from "../../core/person/remind-people.ts";
import { viewOfTold } from "../life/told.ts";
import { renderLetter } from "../templates.ts";
import { TONGUES, type Tongue } from "../tongue.ts";
import type { Operator } from "../visit.ts";

/** What a mail is made of; its text and its HTML are the same words in the same order. */
export type Block = (
  | { heading: string }
  | { text: string }
  | { facts: { term: string; text: string }[] }
  | { links: { text: string; href: string }[] }
) & {
  /** Where it is another one than the mail's. */
  lang?: Language;
};

export interface Site {
  issuer: string;
  operator: Operator | null;
}

interface Draft {
  blocks: Block[];
  unsubscribe?: string;
}

/** Where this person's pages are, in their language. */
type Place = (path: string) => string;

type ContentOf<K extends MailKind> = Extract<MailContent, { kind: K }>;
type Drafts = { [K in MailKind]: (tongue: Tongue, content: ContentOf<K>, place: Place) => Draft };

const DRAFTS: Drafts = {
  "address-proof": ({ t }, { token }, place) => ({
    blocks: [
      { text: t("letter.proof.text") },
      { links: [{ text: t("letter.proof.link"), href: place(`/mail/prove/${token}`) }] },
      { text: t("letter.proof.notYou") },
    ],
  }),
  "address-changed": ({ t }) => ({ blocks: [{ text: t("letter.changed.text") }, { text: t("letter.changed.notYou") }] }),
  "address-test": ({ t }) => ({ blocks: [{ text: t("letter.test.text") }] }),
  consent: draftOfConsent,
  standing: draftOfStanding,
  reminder: draftOfReminder,
  "switch-begun": draftOfSwitch("begun"),
  "switch-closing": draftOfSwitch("closing"),
  "new-browser": ({ t, moment }, { browser, at }) =>
    security(t, t("letter.newBrowser.text", { browser: t(`letter.browser.${browser}`), at: moment(at) })),
  "passkey-added": ({ t, moment }, { at }) => security(t, t("letter.passkey.text", { at: moment(at) })),
  "recovery-used": ({ t, moment }, { at }) => security(t, t("letter.recovery.text", { at: moment(at) })),
};

function security(t: Tongue["t"], text: string): Draft {
  return { blocks: [{ text }, { text: t("letter.security.notYou") }] };
}

/** Who, what, until when, how to stop: the words themselves; the signed receipt is behind a sign-in (decision 0025). */
function draftOfConsent(tongue: Tongue, { consent, change, news }: ContentOf<"consent">, place: Place): Draft {
  const { t, moment } = tongue;
  const { source, destination } = consent.notice;
  const ends = { source: source.name, destination: destination.name };
  const page = `/permissions/${consent.id}`;
  const isLive = news === "granted" || news === "changed";
  const receipt = { text: t("letter.consent.receipt"), href: place(`${page}/receipts/${change.id}`) };
  return {
    blocks: [
      { heading: t("letter.reminder.fromTo", ends) },
      { text: t(`letter.consent.${news}`, { ...ends, at: moment(change.at) }) },
      { facts: factsOf(tongue, consent) },
      ...(isLive
        ? [{ text: t("letter.consent.stop", { destination: destination.name, contact: destination.privacyContact }) }]
        : [{ text: t("letter.consent.copies", { destination: destination.name, contact: destination.privacyContact }) }]),
      {
        links: [
          { text: t("letter.review"), href: place(page) },
          ...(isLive ? [{ text: t("letter.stop"), href: place(`${page}/stop`) }] : []),
          receipt,
        ],
      },
    ],
  };
}

function draftOfSwitch(step: "begun" | "closing") {
  return ({ t }: Tongue, { source, destination, switchId }: ContentOf<"switch-begun" | "switch-closing">, place: Place): Draft => ({
    blocks: [
      { heading: t("letter.reminder.fromTo", { source: source.name, destination: destination.name }) },
      { text: t(`letter.switch.${step}`, { source: source.name, destination: destination.name }) },
      { links: [{ text: t("letter.switch.see"), href: place(`/me/switch/${switchId}`) }] },
    ],
  });
}

function draftOfStanding(tongue: Tongue, told: ContentOf<"standing">, place: Place): Draft {
  const { t } = tongue;
  return {
    blocks: viewOfTold(tongue, [told]).flatMap(({ title, lines, id }) => [
      { heading: title },
      { facts: lines.map(({ key, text }) => ({ term: key, text })) },
      {
        links: [
          { text: t("letter.standing.read"), href: place("/me") },
          { text: t("letter.standing.why"), href: place(`/decisions/${id}`) },
        ],
      },
    ]),
  };
}

function draftOfReminder(tongue: Tongue, { permissions, unsubscribe }: ContentOf<"reminder">, place: Place): Draft {
  const { t } = tongue;
  const stop = place(`/mail/unsubscribe/${unsubscribe}`);
  return {
    blocks: [
      { text: t("letter.reminder.lead", { days: REMINDER_DAYS }) },
      ...permissions.flatMap((one) => blocksOfPermission(tongue, one, place)),
      { links: [{ text: t("letter.unsubscribe"), href: stop }] },
    ],
    unsubscribe: stop,
  };
}

function blocksOfPermission(tongue: Tongue, { consent, lastAt, token }: RemindedPermission, place: Place): Block[] {
  const { t, date } = tongue;
  const { source, destination } = consent.notice;
  const link = place(`/mail/permission/${token}`);
  return [
    { heading: t("letter.reminder.fromTo", { source: source.name, destination: destination.name }) },
    {
      facts: [
        ...factsOf(tongue, consent),
        { term: t("letter.last"), text: lastAt === null ? t("letter.lastNone") : t("letter.lastAt", { date: date(lastAt) }) },
      ],
    },
    {
      links: [
        { text: t("letter.review"), href: link },
        { text: t("letter.stop"), href: `${link}/stop` },
      ],
    },
  ];
}

/** Who, what, why and until when. */
function factsOf({ t, lang, date }: Tongue, { notice, datasets }: Consent) {
  const isMeant = ({ id }: { id: string }) => datasets.length === 0 || datasets.includes(id);
  const titles = notice.datasets.filter(isMeant).map(({ title }) => title[lang]);
  return [
    { term: t("letter.who"), text: notice.destination.name },
    { term: t("letter.from"), text: notice.source.name },
    { term: t("letter.what"), text: titles.join(", ") },
    { term: t("letter.whyKey"), text: notice.purpose.words[lang] },
    // A full-date is a day everywhere: noon keeps it the same day in Paris.
    { term: t("letter.until"), text: date(new Date(`${notice.expires}T12:00:00Z`)) },
  ];
}

/** Writes mails in the words of the pages. */
export function createLetters(site: Site): LetterWriter<MailContent> {
  return { letterOf: (content, language) => letterOf(site, content, language) };
}

function letterOf({ issuer, operator }: Site, content: MailContent, language: Language): Letter {
  const tongue = TONGUES[language];
  const place: Place = (path) => `${issuer}/${language}${path}`;
  const draft = DRAFTS[content.kind] as (tongue: Tongue, content: MailContent, place: Place) => Draft;
  const { blocks, unsubscribe } = draft(tongue, content, place);
  const all = [{ text: tongue.t("letter.hello") }, ...blocks, ...ending(tongue, operator, place)];
  return { ...written(tongue, tongue.t(`letter.subject.${content.kind}`), all), unsubscribe: unsubscribe ?? null };
}

/** As text and as HTML. */
export function written(tongue: Tongue, subject: string, blocks: Block[]): Omit<Letter, "unsubscribe"> {
  return {
    subject,
    text: `${blocks.map((block) => textOf(tongue, block)).join("\n\n")}\n`,
    html: renderLetter({ lang: tongue.lang, subject, blocks }),
  };
}

function ending({ t }: Tongue, operator: Operator | null, place: Place): Block[] {
  return [
    { text: operator === null ? t("letter.signed") : t("letter.signedBy", { operator: operator.name }) },
    ...(operator === null
      ? []
      : [{ text: t(isMailAddress(operator.contact) ? "letter.help" : "letter.helpAt", { contact: operator.contact }) }]),
    { text: t("letter.never") },
    { text: t("letter.why") },
    { links: [{ text: t("letter.account"), href: place("/me/mail") }] },
  ];
}

/** Answers go there too (roles/mail.ts). */
export function isMailAddress(contact: string): boolean {
  return !contact.includes("://");
}

function textOf({ lang }: Tongue, block: Block): string {
  const colon = lang === "fr" ? "\u00a0:" : ":";
  if ("heading" in block) return `${block.heading}\n${"-".repeat(Math.min(block.heading.length, 70))}`;
  if ("text" in block) return block.text;
  if ("facts" in block) return block.facts.map(({ term, text }) => `${term}${colon} ${text}`).join("\n");
  return block.links.map(({ text, href }) => `${text}${colon} ${href}`).join("\n");
}
