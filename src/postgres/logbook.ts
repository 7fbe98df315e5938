import type { LogbookWriter } from "../core/register/logbook.ts";
import type { Database } from "./pool.ts";

export function writeLogbook(db: Database): LogbookWriter {
  return {
    claimCharter: async (charter) => {
      const kept = await db
        .insertInto("loggedCharters")
        .values(charter)
        .onConflict((conflict) => conflict.column("version").doNothing())
        .executeTakeFirst();
      if (kept.numInsertedOrUpdatedRows === 1n) return null;
      return db.selectFrom("loggedCharters").selectAll().where("version", "=", charter.version).forUpdate().executeTakeFirstOrThrow();
    },
    setDates: async ({ version, until, validUntil }) =>
      void (await db.updateTable("loggedCharters").set({ until, validUntil }).where("version", "=", version).execute()),
    claimKey: async ({ kid, event, ring, at }) => {
      const kept = await db
        .insertInto("loggedKeys")
        .values({ kid, event, ring, loggedAt: at })
        .onConflict((conflict) => conflict.columns(["kid", "event"]).doNothing())
        .executeTakeFirst();
      return kept.numInsertedOrUpdatedRows === 1n;
    },
  };
}
