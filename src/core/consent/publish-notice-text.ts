import { LANGUAGES, type Language } from "../catalogue/data-set.ts";
import { RelaisError } from "../errors.ts";
import type { Ports } from "../ports.ts";
import type { StaffMember } from "../register/staff.ts";
import { logTexts } from "./log-notice-texts.ts";
import { flawsOf, SECTION_NAMES, textHash, type NoticeText, type Sections } from "./notice-text.ts";

/** What is to be said from now on, in each language; a language that is left out cannot be consented in. */
export type Wording = Partial<Record<Language, Sections>>;

/**
 * Publishes a wording as the next version, and tells it in the public log, in one transaction. Requests that were made before keep the text they
 * were made with.
 * @throws RelaisError `forbidden` (not the operator's office), `invalid` (no language, a section empty or with a wrong place), `stale` (another
 * version was published since the editor was opened).
 */
export async function publishNoticeText(
  ports: Pick<Ports, "store" | "clock">,
  member: Pick<StaffMember, "name" | "office">,
  { wording, after }: { wording: Wording; after: number },
): Promise<NoticeText[]> {
  if (member.office !== "operator") throw new RelaisError("forbidden", "The operator's office publishes the texts of consent.");
  const given = LANGUAGES.flatMap((language) => {
    const sections = wording[language];
    return sections === undefined ? [] : [{ language, sections: trimmed(sections) }];
  });
  if (given.length === 0 || given.some(({ sections }) => flawsOf(sections).length > 0))
    throw new RelaisError("invalid", "The text is not whole. Each section is needed, with the names it has to say.", { actor: "operator" });
  const now = ports.clock.now();
  return ports.store.write(async (w) => {
    const [newest] = await w.noticeTexts.list();
    if ((newest?.version ?? 0) !== after)
      throw new RelaisError("stale", "Another version was published meanwhile. Read it, and begin from it.", { actor: "operator" });
    const published = given.map((text) => ({ ...text, version: after + 1, publishedAt: now, publishedBy: member.name }));
    const texts = published.map((text) => ({ ...text, hash: textHash(text) }));
    for (const text of texts) await w.wording.add(text);
    return logTexts(w, texts, now);
  });
}

function trimmed(sections: Sections): Sections {
  return Object.fromEntries(SECTION_NAMES.map((name) => [name, sections[name].trim().replaceAll("\r\n", "\n")])) as Sections;
}
