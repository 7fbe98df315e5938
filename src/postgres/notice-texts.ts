import type { NoticeTextsReader, NoticeTextsWriter } from "../core/consent/notice-text.ts";
import type { Database } from "./pool.ts";
import { json } from "./rows.ts";

export function readNoticeTexts(db: Database): NoticeTextsReader {
  const all = db
    .selectFrom("noticeTexts")
    .leftJoin("loggedTexts as logged", (join) =>
      join.onRef("logged.version", "=", "noticeTexts.version").onRef("logged.language", "=", "noticeTexts.language"),
    )
    .selectAll("noticeTexts")
    .select("logged.logIndex");
  return {
    current: () =>
      all
        .where("noticeTexts.version", "=", (e) => e.selectFrom("noticeTexts").select(({ fn }) => fn.max("version").as("newest")))
        .orderBy("noticeTexts.language")
        .execute(),
    find: async (version, language) =>
      (await all.where("noticeTexts.version", "=", version).where("noticeTexts.language", "=", language).executeTakeFirst()) ?? null,
    list: () => all.orderBy("noticeTexts.version", "desc").orderBy("noticeTexts.language").execute(),
  };
}

export function writeNoticeTexts(db: Database): NoticeTextsWriter {
  return {
    add: async ({ sections, ...text }) => {
      await db
        .insertInto("noticeTexts")
        .values({ ...text, sections: json(sections) })
        .execute();
    },
    claimEntry: async ({ version, language }) => {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto("loggedTexts")
        .values({ version, language, logIndex: null })
        .onConflict((conflict) => conflict.columns(["version", "language"]).doNothing())
        .executeTakeFirst();
      return numInsertedOrUpdatedRows === 1n;
    },
    setEntry: async ({ version, language }, logIndex) =>
      void (await db
        .updateTable("loggedTexts")
        .set({ logIndex })
        .where("version", "=", version)
        .where("language", "=", language)
        .execute()),
  };
}
