import type { NoticeTextsReader, NoticeTextsWriter } from "../core/consent/notice-text.ts";
import type { Database } from "./pool.ts";
import { json } from "./rows.ts";

export function readNoticeTexts(db: Database): NoticeTextsReader {
  const all = db.selectFrom("noticeTexts").selectAll();
  return {
    current: () =>
      all
        .where("version", "=", (e) => e.selectFrom("noticeTexts").select(({ fn }) => fn.max("version").as("newest")))
        .orderBy("language")
        .execute(),
    find: async (version, language) =>
      (await all.where("version", "=", version).where("language", "=", language).executeTakeFirst()) ?? null,
    list: () => all.orderBy("version", "desc").orderBy("language").execute(),
  };
}

export function writeNoticeTexts(db: Database): NoticeTextsWriter {
  return {
    add: async (text) => {
      await db
        .insertInto("noticeTexts")
        .values({ ...text, sections: json(text.sections) })
        .execute();
    },
  };
}
