import type { Meeting, MeetingsReader, MeetingsWriter } from "../core/policy/meetings.ts";
import type { Database } from "./pool.ts";
import { found, json } from "./rows.ts";

export function readMeetings(db: Database): MeetingsReader {
  const all = db.selectFrom("meetings").selectAll();
  return {
    get: async (id) => found<Meeting>(await all.where("id", "=", id).executeTakeFirst(), "meeting"),
    list: ({ holderId, platformId, limit }) => {
      let query = all;
      if (holderId !== undefined) query = query.where("holderId", "=", holderId);
      if (platformId !== undefined) query = query.where("platformId", "=", platformId);
      return query
        .orderBy((e) => e("answeredAt", "is", null), "desc")
        .orderBy("askedAt", "desc")
        .limit(limit)
        .execute();
    },
  };
}

export function writeMeetings(db: Database): MeetingsWriter {
  return {
    ask: async ({ reason, ...meeting }) => {
      await db
        .insertInto("meetings")
        .values({ ...meeting, reason: reason === null ? null : json(reason) })
        .execute();
    },
    answer: async (id, { at, state, reason }) => {
      const answered = await db
        .updateTable("meetings")
        .set({ answeredAt: at, state, reason: reason === null ? null : json(reason) })
        .where("id", "=", id)
        .where("answeredAt", "is", null)
        .executeTakeFirst();
      return answered.numUpdatedRows === 1n;
    },
  };
}
