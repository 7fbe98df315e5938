import type { Reader, Writer } from "../core/ports.ts";
import type { Database } from "./pool.ts";
import { found } from "./rows.ts";

export function readSwitches(db: Database): Reader["switches"] {
  const all = db.selectFrom("switches").selectAll();
  return {
    closing: () => all.where("state", "=", "closing").execute(),
    get: async (id) => found(await all.where("id", "=", id).executeTakeFirst(), "switch"),
    list: (personId) => all.where("personId", "=", personId).orderBy("createdAt", "desc").execute(),
  };
}

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
