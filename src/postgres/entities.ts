import { sql } from "kysely";
import type { ParticipantId } from "../core/ids.ts";
import type { EntitiesReader, EntitiesWriter } from "../core/register/entity-record.ts";
import type { Database } from "./pool.ts";

export function readEntities(db: Database): EntitiesReader {
  return {
    find: async (participantId) =>
      (await db.selectFrom("entityConfigurations").selectAll().where("participantId", "=", participantId).executeTakeFirst()) ?? null,
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
    put: async (record) => {
      const { participantId: _id, ...change } = record;
      await db
        .insertInto("entityConfigurations")
        .values(record)
        .onConflict((conflict) => conflict.column("participantId").doUpdateSet(change))
        .execute();
    },
  };
}
