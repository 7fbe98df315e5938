import { sql } from "kysely";
import type { Reader, Writer } from "../core/ports.ts";
import type { Database } from "./pool.ts";
import { found, json, jsonOrNull } from "./rows.ts";

const PERSON = ["id", "issuer", "subject", "createdAt"] as const;
// oxfmt-ignore
export const LINK = ["id", "personId", "participantId", "account", "method", "provedAt", "sealedCredentials", "inventory", "contract", "assurance"] as const;

export function readPeople(db: Database): Reader["people"] {
  return {
    find: async (id) => (await db.selectFrom("people").select(PERSON).where("id", "=", id).executeTakeFirst()) ?? null,
    findSession: async (tokenHash, now) =>
      (await db.selectFrom("sessions").selectAll().where("tokenHash", "=", tokenHash).where("expiresAt", ">", now).executeTakeFirst()) ??
      null,
    getLink: async (id) =>
      found(
        await db.selectFrom("accountLinks").select(LINK).where("id", "=", id).where("removedAt", "is", null).executeTakeFirst(),
        "link",
      ),
    findPreviousVisit: async (personId) =>
      (await db.selectFrom("people").select("previousSignInAt").where("id", "=", personId).executeTakeFirst())?.previousSignInAt ?? null,
    listLinks: (personId) =>
      db
        .selectFrom("accountLinks")
        .select(LINK)
        .where("personId", "=", personId)
        .where("removedAt", "is", null)
        .orderBy("provedAt", "desc")
        .execute(),
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
        .select(PERSON)
        .where("issuer", "=", person.issuer)
        .where("subject", "=", person.subject)
        .executeTakeFirstOrThrow();
    },
    addSession: async (session) => {
      await db.insertInto("sessions").values(session).execute();
    },
    endSession: async (tokenHash) =>
      (await db.deleteFrom("sessions").where("tokenHash", "=", tokenHash).returningAll().executeTakeFirst()) ?? null,
    putLink: async (link) => {
      const { inventory, contract = null, ...plain } = link;
      const row = { ...plain, inventory: json(inventory), contract: jsonOrNull(contract) };
      const { id: _, ...proved } = row;
      const replaced = { assurance: "low" as const, ...proved };
      const kept = await db
        .insertInto("accountLinks")
        .values(row)
        .onConflict((conflict) => conflict.columns(["personId", "participantId", "account"]).doUpdateSet(replaced))
        .returning(LINK)
        .executeTakeFirstOrThrow();
      // Where telling could harm, what was told before is forgotten, so that no later query can show it.
      if (contract?.safety === true)
        await sql`delete from consent_parties p using consents c where c.id = p.consent_id and c.source_link_id = ${kept.id}`.execute(db);
      return kept;
    },
  };
}
