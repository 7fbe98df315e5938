import { isAssurance } from "../../core/person/assurance.ts";
import type { AccountLink } from "../../core/person/person.ts";
import { isAccredited, type Participant, type Role } from "../../core/register/participant.ts";
import { mayHappen } from "../../core/register/standing.ts";
import type { Entry } from "../register/view.ts";
import type { Tongue } from "../tongue.ts";
import type { Choice, Form } from "../visit.ts";

/** The end of the account's name: enough to tell two contracts apart, too little to read over a shoulder. Of an address, its last folder. */
export function maskedAccount({ account }: Pick<AccountLink, "account">): string {
  const folder = /^https?:\/\/.*\/([^/]+)\/?$/.exec(account)?.[1];
  if (folder !== undefined) return folder;
  return account.length <= 4 ? account : `…${account.slice(-4)}`;
}

export function rowOfLink({ t, lang, date }: Tongue, link: AccountLink, participant: Participant) {
  const items = link.inventory?.reduce((sum, count) => sum + (count.items ?? 0), 0) ?? null;
  return {
    name: participant.name,
    account: maskedAccount(link),
    how: t(`accounts.method.${link.method}`, { date: date(link.provedAt) }),
    holds: items === null ? null : t("accounts.holds", { items, datasets: link.inventory?.length ?? 0 }),
    href: `/${lang}/accounts/${participant.id}`,
    removeHref: `/${lang}/me/account/links/${link.id}/remove`,
  };
}

interface Offer {
  entries: Entry[];
  links: AccountLink[];
  role: Role;
  /** One place, or several. */
  chosen: string | readonly string[];
  now: Date;
  /** To take one's own things away, which no suspension forbids: a place where the person has an account is offered in such a standing, too. */
  isLeaving?: boolean;
}

/**
 * Places to choose from: each proved account by itself, and participants where the person has proved none yet. Nobody is led to a participant
 * that no check has looked at (level 0); who has an account there already finds it.
 */
export function choicesOf(tongue: Tongue, { entries, links, role, chosen, now, isLeaving = false }: Offer): Choice[] {
  const isKnown = ({ id }: Participant): boolean => links.some((link) => link.participantId === id);
  const offered = entries
    .filter(({ participant }) => participant.roles.includes(role))
    .filter(
      ({ participant, mark }) =>
        isAccredited(participant, mark, now) || (isLeaving && isKnown(participant) && mayHappen(participant, mark, "export_out", now)),
    )
    .filter(({ participant, mark }) => (mark?.level ?? 0) > 0 || isKnown(participant))
    .flatMap(({ participant }) =>
      choicesAt(
        tongue,
        participant,
        links.filter((link) => link.participantId === participant.id),
      ),
    );
  const wanted = [chosen]
    .flat()
    .map((one) => offered.find((choice) => choice.value === one) ?? offered.find((choice) => choice.participantId === one));
  return offered.map((choice) => ({ value: choice.value, text: choice.text, hint: choice.hint, checked: wanted.includes(choice) }));
}

interface Offered {
  value: string;
  participantId: string;
  text: string;
  hint: { text: string };
}

function choicesAt({ t, date }: Tongue, { id, name }: Participant, links: AccountLink[]): Offered[] {
  const base = { text: name, participantId: id };
  if (links.length === 0) return [{ ...base, value: id, hint: { text: t("accounts.notProved") } }];
  return links.map((link) => ({
    ...base,
    value: link.id,
    hint: { text: t("accounts.proved", { account: maskedAccount(link), date: date(link.provedAt) }) },
  }));
}

/** What was chosen in such a list: the proved account, or the participant where one has to be proved first; null for nothing. */
export function chosenOf(
  value: string,
  links: AccountLink[],
  participants: Participant[],
): { participant: Participant; link: AccountLink | null } | null {
  const link = links.find((one) => one.id === value) ?? links.find((one) => one.participantId === value) ?? null;
  const participant = participants.find((one) => one.id === (link?.participantId ?? value));
  return participant ? { participant, link } : null;
}

/** Where the person goes on to, and how sure the holder must be, where it was not sure enough. */
export interface Way {
  next: string;
  level: string;
}

/** The form that proves an account by its own keys. Secrets never come back to the page. */
export function viewOfProof({ t, lang }: Tongue, participant: Participant, { next, level }: Way, form: Form | null) {
  const root = participant.endpoints.root ?? participant.entityId;
  return {
    name: participant.name,
    adapter: participant.adapter,
    root,
    keysHref: new URL(".account/", root.endsWith("/") ? root : `${root}/`).href,
    startHref: `/link/${participant.id}/start?${new URLSearchParams({ next })}`,
    registerHref: `/${lang}/register/${participant.id}`,
    surer: isAssurance(level) ? t("proof.level", { name: participant.name, level: t(`assurance.${level}`) }) : null,
    next,
    given: { account: form?.one("account") ?? "", clientId: form?.one("clientId") ?? "", user: form?.one("user") ?? "" },
  };
}
