import type { Reader, Writer } from "../core/ports.ts";
import type { Database } from "./pool.ts";
import { found, json, jsonOrNull } from "./rows.ts";

export function readConsents(db: Database): Reader["consents"] {
  const all = db.selectFrom("consents").selectAll();
  return {
    get: async (id) => found(await all.where("id", "=", id).executeTakeFirst(), "consent"),
    list: (personId) => all.where("personId", "=", personId).orderBy("createdAt", "desc").execute(),
    successors: (id) => all.where("supersedes", "=", id).orderBy("createdAt", "desc").execute(),
  };
}

export function writeConsents(db: Database): Writer["permissions"] {
  return {
    add: async (consent) => {
      await db
        .insertInto("consents")
        .values({ ...consent, notice: json(consent.notice), acts: jsonOrNull(consent.acts) })
        .execute();
    },
    move: async (id, from, to, { acts, ...change }) => {
      const moved = await db
        .updateTable("consents")
        .set({ ...change, ...(acts === undefined ? {} : { acts: jsonOrNull(acts) }), state: to })
        .where("id", "=", id)
        .where("state", "in", from)
        .executeTakeFirst();
      return moved.numUpdatedRows === 1n;
    },
    revokeAll: async ({ participantId, asSource, at, by }) => {
      const ended = await db
        .updateTable("consents")
        .set({ state: "revoked", endedAt: at, endedBy: by })
        .where("state", "in", ["active", "suspended"])
        .where((e) => e.or([e("destinationId", "=", participantId), ...(asSource ? [e("sourceId", "=", participantId)] : [])]))
        .executeTakeFirst();
      return Number(ended.numUpdatedRows);
    },
    expire: async (now) => {
      const expired = await db
        .updateTable("consents")
        .set({ state: "expired", endedAt: now, endedBy: "relais" })
        .where("state", "in", ["requested", "active", "suspended"])
        .where("expiresAt", "<=", now)
        .returning("id")
        .execute();
      return expired.map((row) => row.id);
    },
  };
}
