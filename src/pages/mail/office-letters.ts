import { LANGUAGES, type Language } from "../../core/catalogue/data-set.ts";
import type { OfficeLetters, OfficeNews } from "../../core/person/office-mail.ts";
import { TONGUES } from "../tongue.ts";
import { written, type Block, type Site } from "./letters.ts";

/** To an office: in French, then in English. */
export function createOfficeLetters(site: Site): OfficeLetters {
  return {
    letterOf: (news) => {
      const [first] = LANGUAGES;
      const blocks = LANGUAGES.flatMap((language) => blocksIn(site, news, language));
      return { ...written(TONGUES[first], TONGUES[first].t("letter.subject.office"), blocks), unsubscribe: null };
    },
  };
}

function blocksIn({ issuer, operator }: Site, { participantId, waiting }: OfficeNews, lang: Language): Block[] {
  const { t } = TONGUES[lang];
  const page = participantId === null ? "/operator/problems" : `/organisation/${participantId}/requests`;
  const blocks: Block[] = [
    { text: t("letter.hello") },
    { text: t("letter.office.text", { count: waiting }) },
    { links: [{ text: t("letter.office.read"), href: `${issuer}/${lang}${page}` }] },
    { text: t("letter.office.why") },
    { text: operator === null ? t("letter.signed") : t("letter.signedBy", { operator: operator.name }) },
  ];
  return blocks.map((block) => ({ ...block, lang }));
}
