import { sql } from "kysely";
import type { Reader, Writer } from "../core/ports.ts";
import type { Database } from "./pool.ts";
import { found } from "./rows.ts";

export function readSwitches(db: Database): Reader["switches"] {
  const all = db.selectFrom("switches").selectAll();
  return {
    closing: () => all.where("state", "=", "closing").where(isTold).execute(),
    get: async (id) => found(await all.where("id", "=", id).executeTakeFirst(), "switch"),
    list: (personId) => all.where("personId", "=", personId).orderBy("createdAt", "desc").execute(),
  };
}

/** People are told before their old place is asked to delete; a mail server that is away holds that up for a quarter of an hour at most. */
const isTold = sql<boolean>`not exists (
  select from mails m where m.about = switches.id and m.kind = 'switch-closing' and m.ended_at is null and m.created_at > now() - interval '15 minutes')`;

export function writeSwitches(db: Database): Writer["moves"] {
  return {
    add: async (row) => {
      await db.insertInto("switches").values(row).execute();
    },
    change: async (id, from, to, change = {}) => {
      const changed = await db
        .updateTable("switches")
        .set((row) => ({ ...change, state: to, epoch: row("epoch", "+", 1) }))
        .where("id", "=", id)
        .where("state", "in", from)
        .executeTakeFirst();
      return changed.numUpdatedRows === 1n;
    },
  };
}
