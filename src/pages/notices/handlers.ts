import { LANGUAGES, type Language } from "../../core/catalogue/data-set.ts";
import {
  flawsOf,
  LONGEST_SECTION,
  PLACES,
  SECTION_NAMES,
  SECTIONS,
  type NoticeText,
  type Sections,
} from "../../core/consent/notice-text.ts";
import { publishNoticeText, type Wording } from "../../core/consent/publish-notice-text.ts";
import { readabilityOf } from "../../core/consent/readability.ts";
import { asRelaisError, RelaisError } from "../../core/errors.ts";
import type { StaffMember } from "../../core/register/staff.ts";
import { findStaff } from "../accreditation/caller.ts";
import { viewOfDecision } from "../permissions/decision-view.ts";
import { toldRefusal } from "../refusals.ts";
import type { Tongue } from "../tongue.ts";
import { pathOf, type Answer, type FieldError, type Form, type PagesPorts, type PersonVisit } from "../visit.ts";
import { exampleRequest } from "./example.ts";

/** The operator's office, read anew at each visit. @throws RelaisError `not_found` for anybody else. */
export async function operatorOf(ports: PagesPorts, { personId }: PersonVisit): Promise<StaffMember> {
  const member = await findStaff(ports, personId);
  if (member?.office !== "operator") throw new RelaisError("not_found", "There is nothing at this address for you.", { actor: "operator" });
  return member;
}

/** The texts that people read when they are asked, and an editor that begins with the present ones. */
export async function showTexts(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  await operatorOf(ports, visit);
  const texts = await ports.store.read((r) => r.noticeTexts.list());
  const newest = texts[0]?.version ?? 0;
  const written = Object.fromEntries(texts.filter(({ version }) => version === newest).map((text) => [text.language, text.sections]));
  return editor(visit, { texts, wording: written, after: newest, errors: [] });
}

interface Edited {
  texts: NoticeText[];
  wording: Wording;
  after: number;
  errors: FieldError[];
}

function editor({ tongue, query }: PersonVisit, { texts, wording, after, errors }: Edited): Answer {
  const { t, moment, lang } = tongue;
  const model = {
    after,
    languages: LANGUAGES.map((language) => ({
      language,
      name: t(`texts.language.${language}`),
      sections: SECTION_NAMES.map((section) => ({
        id: `${language}-${section}`,
        label: t(`texts.section.${section}`),
        places: SECTIONS[section].map((place) => `{${place}}`).join(" "),
        text: wording[language]?.[section] ?? "",
      })),
      readability: wording[language] ? viewOfReadability(tongue, language, wording[language]) : null,
    })),
    places: PLACES.map((place) => ({ code: `{${place}}`, text: t(`texts.place.${place}`) })),
    most: LONGEST_SECTION,
    versions: texts.map(({ version, language, publishedAt, publishedBy, hash }) => ({
      version,
      language: t(`texts.language.${language}`),
      at: moment(publishedAt),
      by: publishedBy,
      hash,
    })),
    news: query.one("news") === "published" ? t("texts.published") : null,
    previews: LANGUAGES.map((language) => ({ action: `/${language}/operator/notices`, text: t(`texts.preview.${language}`) })),
    publishAction: `/${lang}/operator/notices`,
    errors,
  };
  return { kind: "page", template: "notice-texts", title: t("texts.title"), model, status: errors.length > 0 ? 422 : 200 };
}

function viewOfReadability({ t, number }: Tongue, language: Language, sections: Sections) {
  const { score, limit, words, sentences, longest } = readabilityOf(language, Object.values(sections));
  return {
    figure: t("texts.score", { score, limit }),
    tag: score >= limit ? { text: t("texts.easy"), classes: "govuk-tag--green" } : { text: t("texts.hard"), classes: "govuk-tag--orange" },
    size: t("texts.size", { words: number(words), sentences: number(sentences) }),
    method: t(`texts.method.${language}`),
    longest: longest.map((one) => t("texts.sentence", { words: one.words, text: one.text })),
  };
}

const STEPS = { preview, publish, edit } as const;

/** One form, three ways on. What was written goes along, and is lost nowhere. */
export async function writeTexts(ports: PagesPorts, visit: PersonVisit): Promise<Answer> {
  const member = await operatorOf(ports, visit);
  const texts = await ports.store.read((r) => r.noticeTexts.list());
  const after = Number(visit.form.one("after"));
  const written = { texts, wording: wordingIn(visit.form), after: Number.isSafeInteger(after) ? after : 0, errors: [] };
  const step = STEPS[visit.form.one("step") as keyof typeof STEPS] ?? edit;
  return step(ports, visit, { member, ...written });
}

type Written = Edited & { member: StaffMember };

function edit(_ports: PagesPorts, visit: PersonVisit, written: Written): Answer {
  return editor(visit, written);
}

/** A language in which nothing is written is left out. */
function wordingIn(form: Form): Wording {
  const read = (language: Language): Sections =>
    Object.fromEntries(SECTION_NAMES.map((section) => [section, form.one(`${language}-${section}`)])) as Sections;
  return Object.fromEntries(
    LANGUAGES.map((language) => [language, read(language)] as const).filter(([, sections]) =>
      Object.values(sections).some((text) => text !== ""),
    ),
  );
}

function flawsIn({ t }: Tongue, wording: Wording): FieldError[] {
  return LANGUAGES.flatMap((language) => {
    const sections = wording[language];
    return (sections === undefined ? [] : flawsOf(sections)).map(({ section, kind, place = "" }) => ({
      field: `${language}-${section}`,
      text: t(`texts.flaw.${kind}`, {
        section: t(`texts.section.${section}`),
        language: t(`texts.language.${language}`),
        place: `{${place}}`,
        most: LONGEST_SECTION,
      }),
    }));
  });
}

/** The real screen, with an example, in the language of the page. */
function preview(ports: PagesPorts, visit: PersonVisit, written: Written): Answer {
  const { tongue } = visit;
  const sections = written.wording[tongue.lang];
  const errors = flawsIn(tongue, written.wording);
  if (sections === undefined || errors.length > 0)
    return editor(visit, { ...written, errors: errors.length > 0 ? errors : [noText(tongue)] });
  const { consent, screen } = exampleRequest(sections, ports.clock.now());
  const shown = viewOfDecision(tongue, consent, screen);
  const model = {
    ...shown,
    isPreview: true,
    screenTitle: shown.title,
    readability: viewOfReadability(tongue, tongue.lang, sections),
    fields: LANGUAGES.flatMap((language) =>
      SECTION_NAMES.map((section) => ({ name: `${language}-${section}`, value: written.wording[language]?.[section] ?? "" })),
    ),
    after: written.after,
    missing: LANGUAGES.filter((language) => written.wording[language] === undefined).map((language) =>
      tongue.t(`texts.language.${language}`),
    ),
    errors: [],
    wrong: {},
  };
  return { kind: "page", template: "notice-preview", title: tongue.t("texts.previewTitle"), model };
}

function noText({ t, lang }: Tongue): FieldError {
  return { field: `${lang}-whoAsks`, text: t("texts.nothing", { language: t(`texts.language.${lang}`) }) };
}

async function publish(ports: PagesPorts, visit: PersonVisit, written: Written): Promise<Answer> {
  const { tongue } = visit;
  const errors = flawsIn(tongue, written.wording);
  if (Object.keys(written.wording).length === 0) errors.push(noText(tongue));
  if (errors.length > 0) return editor(visit, { ...written, errors });
  try {
    await publishNoticeText(ports, written.member, { wording: written.wording, after: written.after });
    return { kind: "redirect", to: pathOf(visit, "/operator/notices?news=published") };
  } catch (error) {
    const { code, message } = asRelaisError(error);
    if (code !== "stale" && code !== "conflict") throw error;
    return editor(visit, { ...written, errors: [{ field: `${tongue.lang}-whoAsks`, text: toldRefusal(tongue, message) }] });
  }
}
