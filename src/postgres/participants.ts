import { sql } from "kysely";
import type { Reader, Writer } from "../core/ports.ts";
import type { Database } from "./pool.ts";
import { found, json } from "./rows.ts";

export function readParticipants(db: Database): Reader["participants"] {
  const all = db.selectFrom("participants").selectAll();
  return {
    get: async (id) => found(await all.where("id", "=", id).executeTakeFirst(), "participant"),
    findByEntityId: async (entityId) => (await all.where("entityId", "=", entityId).executeTakeFirst()) ?? null,
    list: (filter = {}) =>
      (filter.role === undefined ? all : all.where(sql<boolean>`${filter.role} = any (roles)`)).orderBy("name").execute(),
    recipients: async () =>
      (
        await db
          .selectFrom("participants")
          .select("id")
          .where("status", "=", "accredited")
          .where(sql<boolean>`jsonb_array_length(keys) > 0`)
          .orderBy("id")
          .execute()
      ).map((row) => row.id),
    findMark: async (id) =>
      (await db
        .selectFrom("trustMarks")
        .selectAll()
        .where("participantId", "=", id)
        // One is in force at a time; two of the same moment are told apart by that.
        .orderBy((e) => e("revokedAt", "is", null), "desc")
        .orderBy("issuedAt", "desc")
        .limit(1)
        .executeTakeFirst()) ?? null,
  };
}

export function writeParticipants(db: Database): Writer["register"] {
  return {
    put: async (participant) => {
      const { endpoints, keys, datasets, about, client, ...plain } = participant;
      const documents = {
        endpoints: json(endpoints),
        keys: json(keys),
        datasets: json(datasets),
        about: json(about),
        client: json(client),
      };
      const { id, entityId, status, ...replaced } = { ...plain, ...documents };
      await db
        .insertInto("participants")
        .values({ id, entityId, status, ...replaced })
        .onConflict((conflict) => conflict.column("entityId").doUpdateSet(replaced))
        .execute();
    },
    lock: async (id) =>
      found(await db.selectFrom("participants").selectAll().where("id", "=", id).forUpdate().executeTakeFirst(), "participant"),
    setStatus: async (id, status) => {
      await db.updateTable("participants").set({ status }).where("id", "=", id).execute();
    },
    addMark: async (mark) => {
      await db.insertInto("trustMarks").values(mark).execute();
    },
    revokeMarks: async (id, at) => {
      await db.updateTable("trustMarks").set({ revokedAt: at }).where("participantId", "=", id).where("revokedAt", "is", null).execute();
    },
  };
}
