import type { Reader, Writer } from "../core/ports.ts";
import type { Database } from "./pool.ts";
import { found, json } from "./rows.ts";

export function readPeople(db: Database): Reader["people"] {
  return {
    find: async (id) => (await db.selectFrom("people").selectAll().where("id", "=", id).executeTakeFirst()) ?? null,
    findSession: async (tokenHash, now) =>
      (await db.selectFrom("sessions").selectAll().where("tokenHash", "=", tokenHash).where("expiresAt", ">", now).executeTakeFirst()) ??
      null,
    getLink: async (id) => found(await db.selectFrom("accountLinks").selectAll().where("id", "=", id).executeTakeFirst(), "link"),
    findPreviousVisit: async (personId) =>
      (await db.selectFrom("personVisits").select("previousAt").where("personId", "=", personId).executeTakeFirst())?.previousAt ?? null,
    listLinks: (personId) =>
      db.selectFrom("accountLinks").selectAll().where("personId", "=", personId).orderBy("provedAt", "desc").execute(),
  };
}

export function writePeople(db: Database): Writer["accounts"] {
  return {
    signIn: async (person) => {
      await db
        .insertInto("people")
        .values(person)
        .onConflict((conflict) => conflict.columns(["issuer", "subject"]).doNothing())
        .execute();
      return db
        .selectFrom("people")
        .selectAll()
        .where("issuer", "=", person.issuer)
        .where("subject", "=", person.subject)
        .executeTakeFirstOrThrow();
    },
    addSession: async (session) => {
      await db.insertInto("sessions").values(session).execute();
    },
    endSession: async (tokenHash) => {
      await db.deleteFrom("sessions").where("tokenHash", "=", tokenHash).execute();
    },
    putLink: (link) => {
      const { inventory, ...plain } = link;
      const row = { ...plain, inventory: json(inventory) };
      const { id: _, ...replaced } = row;
      return db
        .insertInto("accountLinks")
        .values(row)
        .onConflict((conflict) => conflict.columns(["personId", "participantId", "account"]).doUpdateSet(replaced))
        .returningAll()
        .executeTakeFirstOrThrow();
    },
  };
}
