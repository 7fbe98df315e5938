import type { PersonAccess } from "../../core/person/account.ts";
import type { Passkey } from "../../core/person/passkey.ts";
import type { AccountLink, Person, Session } from "../../core/person/person.ts";
import type { WaysIn } from "../../core/person/ways-in.ts";
import { maskedAccount } from "../accounts/view.ts";
import type { Tongue } from "../tongue.ts";

interface Mine {
  person: Person | null;
  passkeys: Passkey[];
  sessions: Session[];
  codesLeft: number;
  links: AccountLink[];
  accesses: PersonAccess[];
  /** Of participants, by id. */
  names: ReadonlyMap<string, string>;
  present: Session;
  ways: WaysIn | undefined;
}

export function viewOfAccount(tongue: Tongue, mine: Mine) {
  const { t } = tongue;
  const { passkeys, sessions, present, ways } = mine;
  const provider = ways?.providers.find(({ issuer }) => issuer === mine.person?.issuer);
  const usable = passkeys.filter(({ blockedAt }) => blockedAt === null);
  return {
    provider: provider && t("account.provider", { name: provider.name ?? new URL(provider.issuer).host }),
    hasPasskeys: ways?.passkeys === "on",
    passkeys: passkeys.map((passkey) => ({
      ...rowOfPasskey(tongue, passkey),
      isLast: provider === undefined && usable.length === 1 && usable[0]?.id === passkey.id,
    })),
    codes: t("account.codes.left", { count: mine.codesLeft }),
    sessions: sessions.map((session) => rowOfSession(tongue, session, present)),
    isOnly: sessions.length < 2,
    links: mine.links.map((link) => rowOfLink(tongue, link, mine.names)),
    accesses: mine.accesses.map((access) => rowOfAccess(tongue, access, mine.names)),
  };
}

function rowOfPasskey({ t, date }: Tongue, { id, name, createdAt, lastUsedAt, backedUp, blockedAt }: Passkey) {
  return {
    id,
    name,
    facts: [
      t("account.passkey.made", { date: date(createdAt) }),
      lastUsedAt === null ? t("account.passkey.never") : t("account.passkey.used", { date: date(lastUsedAt) }),
      t(backedUp ? "account.passkey.backedUp" : "account.passkey.single"),
    ],
    isBlocked: blockedAt !== null,
  };
}

function rowOfSession({ t, moment }: Tongue, session: Session, present: Session) {
  const facts = [
    t(`account.way.${session.way}`),
    t("account.session.level", { level: t(`assurance.${session.assurance}`) }),
    t("account.session.began", { date: moment(session.createdAt) }),
    t("account.session.seen", { date: moment(session.lastSeenAt) }),
  ];
  return { id: session.id, name: t(`account.browser.${session.browser}`), isPresent: session.tokenHash === present.tokenHash, facts };
}

function rowOfLink({ t, lang }: Tongue, link: AccountLink, names: Mine["names"]) {
  return {
    name: names.get(link.participantId) ?? "?",
    facts: [
      t("accounts.account", { account: maskedAccount(link) }),
      t("account.link.level", { level: t(`assurance.${link.assurance ?? "low"}`) }),
    ],
    href: `/${lang}/me/account/links/${link.id}/remove`,
  };
}

function rowOfAccess({ t, moment }: Tongue, { viewer, participantId, what, at }: PersonAccess, names: Mine["names"]) {
  return {
    who:
      participantId === null
        ? t("operate.seen", { viewer })
        : t("account.accesses.line", { viewer, name: names.get(participantId) ?? "?" }),
    what,
    at: moment(at),
    iso: at.toISOString(),
  };
}
