import { sql } from "kysely";
import type { SubordinatesReader } from "../core/federation/subordinates.ts";
import type { TrustMark } from "../core/register/participant.ts";
import { COLUMNS } from "./participants.ts";
import type { Database } from "./pool.ts";

/** Only entities with federation keys can be part of a chain; those that are suspended or revoked are left out at once. */
const IS_SUBORDINATE = sql<boolean>`jsonb_array_length(p.federation_keys) > 0 and p.status not in ('suspended', 'revoked')`;

export function readSubordinates(db: Database): SubordinatesReader {
  const marked = (now: Date, type: string | undefined) => sql<boolean>`p.status = 'accredited' and exists (
    select from trust_marks m where m.participant_id = p.id and m.revoked_at is null and m.expires_at > ${now}
      and (${type ?? null}::text is null or m.type = ${type ?? null}))`;
  return {
    entityIds: async ({ entityTypes, marked: onlyMarked, markType, sub }, now) => {
      let query = db.selectFrom("participants as p").select("p.entityId").where(IS_SUBORDINATE);
      if (entityTypes.length > 0)
        query = query.where(sql<boolean>`${"federation_entity"} = any (${entityTypes}::text[])
          or exists (select from unnest(p.roles) as role where role <> 'service' and 'self_data_' || role = any (${entityTypes}::text[]))
          or (p.client is not null and p.client <> 'null'::jsonb and 'oauth_client' = any (${entityTypes}::text[]))`);
      if (onlyMarked || markType !== undefined) query = query.where(marked(now, markType));
      if (sub !== undefined) query = query.where("p.entityId", "=", sub);
      return (await query.orderBy("p.entityId").execute()).map((row) => row.entityId);
    },
    find: async (entityId, now) => {
      const participant = await db
        .selectFrom("participants as p")
        .select(COLUMNS)
        .where("p.entityId", "=", entityId)
        .where(IS_SUBORDINATE)
        .executeTakeFirst();
      if (participant === undefined) return null;
      const marks = participant.status === "accredited" ? await inForce(db, participant.id, now) : [];
      const accepted = await db
        .selectFrom("entityConfigurations")
        .select("jwt")
        .where("participantId", "=", participant.id)
        .where("expiresAt", ">", now)
        .executeTakeFirst();
      return { participant, marks, configuration: accepted?.jwt ?? null };
    },
    standingOf: async (markId, now) => {
      const { rows } = await sql<{ jwt: string; standing: "active" | "suspended" | "revoked" | "expired" }>`
        select m.jwt, case
          when m.expires_at <= ${now} then 'expired'
          when m.revoked_at is null and p.status = 'accredited' then 'active'
          when p.status = 'suspended' and m.issued_at = (select max(n.issued_at) from trust_marks n where n.participant_id = p.id) then 'suspended'
          else 'revoked' end as standing
        from trust_marks m join participants p on p.id = m.participant_id where m.id = ${markId}`.execute(db);
      return rows[0] ?? null;
    },
  };
}

function inForce(db: Database, participantId: TrustMark["participantId"], now: Date): Promise<TrustMark[]> {
  return db
    .selectFrom("trustMarks")
    .selectAll()
    .where("participantId", "=", participantId)
    .where("revokedAt", "is", null)
    .where("expiresAt", ">", now)
    .execute();
}
