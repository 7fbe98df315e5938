import { randomInt } from "node:crypto";
import { sql } from "kysely";
import { RelaisError } from "../core/errors.ts";
import { STATUS } from "../core/federation/status-list.ts";
import type { ParticipantId } from "../core/ids.ts";
import type { Reader, Writer } from "../core/ports.ts";
import type { Participant, TrustMark } from "../core/register/participant.ts";
import { LOCKS_OF } from "./locks.ts";
import type { Database } from "./pool.ts";
import { found, json } from "./rows.ts";

/** A participant as the core knows it; what the register is searched by stays in the table. */
export const COLUMNS = [
  "id",
  "entityId",
  "name",
  "roles",
  "adapter",
  "endpoints",
  "keys",
  "federationKeys",
  "datasets",
  "about",
  "status",
  "client",
] as const satisfies (keyof Participant)[];

export function readParticipants(db: Database): Reader["participants"] {
  const all = db.selectFrom("participants").select(COLUMNS);
  return {
    get: async (id) => found(await all.where("id", "=", id).executeTakeFirst(), "participant"),
    findByEntityId: async (entityId) => (await all.where("entityId", "=", entityId).executeTakeFirst()) ?? null,
    markStatuses: async (now) => {
      const { rows } = await sql<{ invalid: number[] | null; suspended: number[] | null }>`
        select array_agg(index) filter (where status = 1) as invalid, array_agg(index) filter (where status = 2) as suspended from (
          select m.status_index as index,
            case when m.revoked_at is null and m.expires_at > ${now} and p.status = 'accredited' then 0
              when p.status = 'suspended' and m.expires_at > ${now}
                and not exists (select from trust_marks n where n.participant_id = m.participant_id and n.issued_at > m.issued_at) then 2
              else 1 end as status
          from trust_marks m join participants p on p.id = m.participant_id
          where m.status_index is not null) every_mark`.execute(db);
      const { invalid, suspended } = rows[0] ?? {};
      return [
        ...(invalid ?? []).map((index) => ({ index, status: STATUS.invalid })),
        ...(suspended ?? []).map((index) => ({ index, status: STATUS.suspended })),
      ];
    },
    recipients: () => readRecipients(db),
    names: (ids) => wordsOf(db, "name", ids),
    entityIds: (ids) => wordsOf(db, "entityId", ids),
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

async function readRecipients(db: Database): Promise<ParticipantId[]> {
  const rows = await db
    .selectFrom("participants")
    .select("id")
    .where("status", "=", "accredited")
    .where(sql<boolean>`jsonb_array_length(keys) > 0`)
    .where(sql<boolean>`exists (select from ${sql.table("relais.trust_marks")} m
      where m.participant_id = participants.id and m.revoked_at is null and m.level > 0)`)
    .orderBy("id")
    .execute();
  return rows.map((row) => row.id);
}

/** The newest mark of each of these, in force or not. */
export async function newestMarks(db: Database, ids: readonly ParticipantId[]): Promise<Map<ParticipantId, TrustMark>> {
  if (ids.length === 0) return new Map();
  const marks = await db
    .selectFrom("trustMarks")
    .distinctOn("participantId")
    .selectAll()
    .where("participantId", "in", ids)
    .orderBy("participantId")
    .orderBy((e) => e("revokedAt", "is", null), "desc")
    .orderBy("issuedAt", "desc")
    .execute();
  return new Map(marks.map((mark) => [mark.participantId, mark]));
}

async function wordsOf(db: Database, word: "name" | "entityId", ids: readonly ParticipantId[]): Promise<Map<ParticipantId, string>> {
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom("participants").select(["id", word]).where("id", "in", ids).execute();
  return new Map(rows.map((row) => [row.id, row[word]]));
}

export function writeParticipants(db: Database): Writer["register"] {
  return {
    put: async (participant) => {
      const { id, entityId, status, name, roles, adapter, endpoints, keys, federationKeys, datasets, about, client } = participant;
      const documents = {
        endpoints: json(endpoints),
        keys: json(keys),
        federationKeys: json(federationKeys ?? []),
        datasets: json(datasets),
        about: json(about),
        client: json(client),
      };
      const replaced = { name, roles, adapter, ...documents };
      await db
        .insertInto("participants")
        .values({ id, entityId, status, ...replaced })
        .onConflict((conflict) => conflict.column("entityId").doUpdateSet(replaced))
        .execute();
    },
    freeStatusIndex: async (size) => {
      const wanted = Array.from({ length: 20 }, () => randomInt(size));
      const taken = await db.selectFrom("trustMarks").select("statusIndex").where("statusIndex", "in", wanted).execute();
      const free = wanted.find((index) => !taken.some(({ statusIndex }) => statusIndex === index));
      if (free === undefined) throw new RelaisError("unavailable", "The status list is full. The operator must open another one.");
      return free;
    },
    lockEntity: async (entityId) => {
      await sql`select pg_advisory_xact_lock(${LOCKS_OF.entity}, hashtext(${entityId}))`.execute(db);
      return (await db.selectFrom("participants").select(COLUMNS).where("entityId", "=", entityId).forUpdate().executeTakeFirst()) ?? null;
    },
    lock: async (id) =>
      found(await db.selectFrom("participants").select(COLUMNS).where("id", "=", id).forUpdate().executeTakeFirst(), "participant"),
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
