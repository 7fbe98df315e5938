import { KINDS, type Language } from "../../core/catalogue/data-set.ts";
import { ACTS, answerBy, type Act, type Before, type Consent, type Notice } from "../../core/consent/consent.ts";
import { differenceFrom } from "../../core/consent/difference.ts";
import { filled, type Section, type Sections } from "../../core/consent/notice-text.ts";
import { badgeOf, type Entry } from "../register/view.ts";
import { spaced, type Tongue } from "../tongue.ts";
import { factsOf, formsOf, keptOf, lastDayOf, oftenOf } from "./facts.ts";

/** What stands on the screen beside the notice: who the ends are now, the published wording, and what the person has done so far. */
export interface Screen {
  requester: Entry | null;
  source: Entry;
  destination: Entry;
  /** The account at the source, as the person knows it. */
  account: string | null;
  sections: Sections;
  /** When the person refused the same before. */
  refusedAt: Date | null;
  /** What this person ticked on this very screen, where it comes back with an error. */
  ticked: { datasets: string[]; forms: string[]; acts: string[] };
  now: Date;
}

/**
 * The screen on which a person decides, made from the notice and the text that it names, in the order of the experience reference (minimal
 * consent screen); the register adds the accreditation in force.
 */
export function viewOfDecision(
  tongue: Tongue,
  consent: Pick<Consent, "id" | "notice" | "noticeHash" | "createdAt" | "expiresAt">,
  screen: Screen,
) {
  const { t, lang } = tongue;
  const { notice } = consent;
  const { now } = screen;
  return {
    id: consent.id,
    title: titleOf(tongue, notice),
    isErase: notice.action === "erase",
    direction:
      notice.action === "propose" ? t("propose.direction", { source: notice.source.name, destination: notice.destination.name }) : null,
    requester: notice.requester && { name: notice.requester.name, badge: screen.requester && badgeOf(tongue, screen.requester, now) },
    source: { ...notice.source, badge: badgeOf(tongue, screen.source, now) },
    destination: { ...notice.destination, badge: badgeOf(tongue, screen.destination, now) },
    account: screen.account,
    groups: groupsOf(tongue, notice, screen.ticked.datasets),
    forms: formsIn(notice, screen.ticked.forms),
    withheld: (notice.withheld ?? []).map(({ title, because }) => ({ title: title[lang], because: because.map((one) => one[lang]) })),
    count: notice.datasets.length,
    ...factsOf(tongue, notice),
    text: wordsOf(tongue, notice, screen.sections),
    acts: ACTS[notice.action].map((act) => actOf(tongue, notice, act, screen)),
    answerBy: tongue.date(answerBy(consent)),
    refusedAt: screen.refusedAt && tongue.date(screen.refusedAt),
    change: notice.before ? changeOf(tongue, notice, notice.before) : null,
    answers: {
      refuse: t(notice.before ? "change.refuse" : "decide.refuse"),
      accept: t(notice.before ? "change.accept" : "decide.accept"),
    },
    noticeHash: consent.noticeHash,
    noticeVersion: notice.version,
    textVersion: notice.texts?.[lang] ?? null,
  };
}

function titleOf({ t }: Tongue, { action, before, source, destination }: Notice): string {
  const ends = { source: source.name, destination: destination.name };
  if (before) return t("change.decide", ends);
  return t(`decide.title.${action}`, ends);
}

/** Where the person chose on the page before, the choice is shown and not asked for again. */
function groupsOf({ t, lang }: Tongue, { datasets, before }: Notice, ticked: string[]) {
  if (before?.askedBy === "person") return [];
  const chosen = new Set(ticked);
  return KINDS.map((kind) => ({
    kind,
    title: t(`kind.${kind}`),
    datasets: datasets.filter((one) => one.kind === kind).map((one) => ({ ...choiceOf(one, lang), isTicked: chosen.has(one.id) })),
  })).filter((group) => group.datasets.length > 0);
}

/** Offered, and never ticked for the person; on the page before, where it was chosen there. */
function formsIn({ forms = [], before }: Notice, ticked: string[]) {
  return before?.askedBy === "person" ? [] : forms.map((form) => ({ form, isTicked: ticked.includes(form) }));
}

function choiceOf(dataset: Notice["datasets"][number], lang: Language) {
  const title = dataset.title[lang];
  // A data set that a platform names without describing it has its name as every text: said once is enough.
  const said = (text: string) => (text === title ? null : text);
  return { id: dataset.id, title, description: said(dataset.description[lang]), example: said(dataset.example[lang]) };
}

function wordsOf(tongue: Tongue, notice: Notice, sections: Sections): (section: Section) => string {
  const { lang } = tongue;
  const places = {
    source: notice.source.name,
    destination: notice.destination.name,
    purpose: notice.purpose.words[lang],
    expires: lastDayOf(tongue, notice),
  };
  // The published wording is about copies; what is proposed goes the other way.
  return (section) =>
    notice.action === "propose" && isProposed(section)
      ? tongue.t(`propose.words.${section}`, places)
      : filled(spaced(lang, sections[section]), places);
}

const PROPOSED = ["atStake", "ifRefuse", "howToStop", "mandate", "consent"] as const satisfies Section[];

function isProposed(section: Section): section is (typeof PROPOSED)[number] {
  return (PROPOSED as readonly Section[]).includes(section);
}

function actOf(tongue: Tongue, notice: Notice, act: Act, { sections, ticked }: Screen) {
  const ends = { source: notice.source.name, destination: notice.destination.name };
  const isErase = notice.action === "erase";
  return {
    act,
    label: notice.action === "propose" ? tongue.t(`propose.act.${act}`, ends) : tongue.t(isErase ? "act.mandateErase" : `act.${act}`, ends),
    words: wordsOf(tongue, notice, sections)(isErase ? "mandateErase" : act),
    isTicked: ticked.acts.includes(act),
  };
}

function mayHaveForms(notice: Notice, before: Before): boolean {
  return before.askedBy === "person" && (notice.forms ?? before.forms) !== undefined;
}

/** Before and after, each difference in words; what stays is said to stay. */
function changeOf(tongue: Tongue, notice: Notice, before: Before) {
  const { t, lang } = tongue;
  const { kept, added, removed } = differenceFrom(before, notice);
  const titles = (list: { title: Record<Language, string> }[]) => list.map(({ title }) => title[lang]);
  const row = (key: string, was: string, willBe: string) => ({ key, was, willBe: was === willBe ? t("change.same") : willBe });
  return {
    isOwn: before.askedBy === "person",
    datasets: notice.datasets.map(({ id }) => id),
    forms: notice.forms ?? [],
    kept: titles(kept),
    added: titles(added),
    removed: titles(removed),
    rows: [
      row(t("decide.howLong"), lastDayOf(tongue, before), lastDayOf(tongue, notice)),
      row(t("change.often"), oftenOf(tongue, before), oftenOf(tongue, notice)),
      ...(mayHaveForms(notice, before)
        ? [row(t("forms.label"), formsOf(tongue, before.forms ?? []), formsOf(tongue, notice.forms ?? []))]
        : []),
      row(t("decide.kept"), keptOf(tongue, before, notice.destination.name), keptOf(tongue, notice, notice.destination.name)),
    ],
  };
}
