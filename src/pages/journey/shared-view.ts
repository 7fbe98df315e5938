import { stateAt } from "../../core/consent/consent.ts";
import type { Party, PartyState, SharedConsent } from "../../core/consent/parties.ts";
import { factsOf } from "../permissions/facts.ts";
import { isActive } from "../permissions/view.ts";
import type { Tongue } from "../tongue.ts";

const TAGS = {
  told: "govuk-tag--blue",
  asked: "govuk-tag--yellow",
  approved: "govuk-tag--green",
  removed: "govuk-tag--grey",
} as const satisfies Record<PartyState, string>;

/** The other holders of the contract, to the person who gave the permission: no name, no reference. */
export function viewOfParties({ t, moment }: Tongue, parties: readonly Party[]) {
  return parties.map(({ state, at }, place) => ({
    who: parties.length > 1 ? t("parties.other.one", { number: place + 1 }) : t("parties.other"),
    tag: { text: t(`parties.state.${state}`), classes: TAGS[state] },
    at: moment(at),
    iso: at.toISOString(),
  }));
}

/** Why a permission rests that other people have a say in; null where it does not rest because of them. */
export function restingSentence({ t }: Tongue, parties: readonly Party[]): string | null {
  if (parties.some(({ state }) => state === "removed")) return t("parties.removed");
  return parties.some(({ state }) => state === "asked") ? t("parties.waiting") : null;
}

/** In a list of what other holders of a contract share. */
export function rowOfShared(tongue: Tongue, { consent, party }: SharedConsent, now: Date) {
  const { t, lang } = tongue;
  const { source, destination } = consent.notice;
  return {
    title: t("permission.fromTo", { source: source.name, destination: destination.name }),
    datasets: t("permission.count", { count: consent.datasets.length }),
    state: isActive(consent, now)
      ? { text: t(`shared.state.${party.state}`), classes: TAGS[party.state] }
      : { text: t("shared.ended"), classes: "govuk-tag--grey" },
    href: `/${lang}/me/contracts/shared/${consent.id}`,
  };
}

export function viewOfShared(tongue: Tongue, { consent, party, linkId }: SharedConsent, now: Date) {
  const { t, lang, moment } = tongue;
  const { notice } = consent;
  const allowed = new Set(consent.datasets);
  const isOpen = linkId !== null && isActive(consent, now);
  const names = { source: notice.source.name, destination: notice.destination.name };
  return {
    id: consent.id,
    title: t(party.state === "asked" ? "shared.title.asked" : "shared.title.told", names),
    sentence: t(`shared.sentence.${sentenceOf(stateAt(consent, now), party.state)}`, names),
    datasets: notice.datasets.filter(({ id }) => allowed.has(id)).map(({ title }) => title[lang]),
    ...factsOf(tongue, notice),
    rule: t(`shared.rule.${party.rule}`),
    answered: t(`parties.state.${party.state}`),
    at: moment(party.at),
    iso: party.at.toISOString(),
    mayApprove: isOpen && (party.state === "asked" || party.state === "removed"),
    mayRemove: isOpen && party.state !== "removed",
    isLeft: linkId === null,
  };
}

function sentenceOf(state: ReturnType<typeof stateAt>, party: PartyState): PartyState | "ended" {
  return state === "active" || state === "suspended" ? party : "ended";
}

/** What waits for the person on their own page: questions first, then what they were told lately. */
export function sharedToDo({ t, lang }: Tongue, shared: readonly SharedConsent[], now: Date) {
  const recent = new Date(now.getTime() - 30 * 86_400_000);
  return shared
    .filter(({ consent, linkId }) => linkId !== null && isActive(consent, now))
    .filter(({ party }) => party.state === "asked" || (party.state === "told" && party.at > recent))
    .map(({ consent: { id, notice }, party }) => ({
      text: t(party.state === "asked" ? "shared.toDo.asked" : "shared.toDo.told", {
        source: notice.source.name,
        destination: notice.destination.name,
      }),
      href: `/${lang}/me/contracts/shared/${id}`,
    }));
}
