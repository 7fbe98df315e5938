import { sql } from "kysely";
import type { ParticipantId } from "../core/ids.ts";
import type { EntitiesReader, EntitiesWriter } from "../core/register/entity-record.ts";
import type { Database } from "./pool.ts";
import { json } from "./rows.ts";

export function readEntities(db: Database): EntitiesReader {
  return {
    find: async (participantId) =>
      (await db.selectFrom("entityConfigurations").selectAll().where("participantId", "=", participantId).executeTakeFirst()) ?? null,
    findConfirmation: async (participantId) =>
      (await db.selectFrom("keyConfirmations").selectAll().where("participantId", "=", participantId).executeTakeFirst()) ?? null,
    inQuestion: async (limit) => {
      const { rows } = await sql<{ participantId: ParticipantId; name: string; what: "keys" | "change"; since: Date }>`
        select e.participant_id, p.name, case when e.strange_keys is null then 'change' else 'keys' end as what, e.checked_at as since
        from entity_configurations e join participants p on p.id = e.participant_id
        where (e.candidate is not null or e.strange_keys is not null) and p.status <> 'revoked'
        order by e.checked_at, p.id limit ${limit}`.execute(db);
      return rows;
    },
  };
}

export function writeEntities(db: Database): EntitiesWriter {
  return {
    claimDue: async ({ now, until, limit }) => {
      const { rows } = await sql<{ participantId: ParticipantId }>`
        with due as (
          select p.id from participants p left join entity_configurations e on e.participant_id = p.id
          where jsonb_array_length(p.federation_keys) > 0 and p.status <> 'revoked' and (e.next_at is null or e.next_at <= ${now})
          order by e.next_at nulls first limit ${limit}
          for update of p skip locked)
        insert into entity_configurations (participant_id, next_at, outcome) select id, ${until}, 'waiting' from due
        on conflict (participant_id) do update set next_at = excluded.next_at
        returning participant_id`.execute(db);
      return rows.map((row) => row.participantId);
    },
    put: async ({ candidate, strangeKeys, ...plain }) => {
      const nullable = (value: unknown) => (value === null ? null : json(value));
      const row = { ...plain, candidate: nullable(candidate), strangeKeys: nullable(strangeKeys) };
      const { participantId: _id, ...change } = row;
      await db
        .insertInto("entityConfigurations")
        .values(row)
        .onConflict((conflict) => conflict.column("participantId").doUpdateSet(change))
        .execute();
    },
    putConfirmation: async (confirmation) => {
      const { participantId: _id, ...change } = confirmation;
      await db
        .insertInto("keyConfirmations")
        .values(confirmation)
        .onConflict((conflict) => conflict.column("participantId").doUpdateSet(change))
        .execute();
    },
    dropConfirmation: async (participantId) =>
      void (await db.deleteFrom("keyConfirmations").where("participantId", "=", participantId).execute()),
  };
}
