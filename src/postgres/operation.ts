import { sql } from "kysely";
import { AGE_STEPS, type DeadGroup, type DeadLetter, type OperationReader, type StageCount } from "../core/operation/operation-reader.ts";
import { DEAD_NOTICE, DEAD_TRANSFER, readMeasures } from "./measures.ts";
import type { Database } from "./pool.ts";

/** Who has to act, where that is a participant. What a person proposes goes the other way: there the organisation is the destination. */
const MENDER = sql`(
  select case when (t.actor = 'holder') = (c.action <> 'propose') then t.source_id else t.destination_id end
  from consents c where c.id = t.consent_id and t.actor in ('holder', 'platform'))`;
const PROBLEM = sql`coalesce(t.reason, 'internal')`;

export function readOperation(db: Database): OperationReader {
  return {
    ...readMeasures(db),
    stages: async () => {
      const { rows } = await sql<StageCount>`
        select case when state not in ('scheduled', 'queued') then state when due_at > clock_timestamp() then 'later' else 'due' end as stage,
          width_bucket(extract(epoch from clock_timestamp() - created_at)::float8, ${[...AGE_STEPS]}::float8[]) as step, count(*)::int as count
        from transfers where ended_at is null group by 1, 2`.execute(db);
      return rows;
    },
    deadGroups: async (limit) => {
      const { rows } = await sql<DeadGroup>`
        select 'transfer' as kind, ${PROBLEM} as problem, t.actor, ${MENDER} as "participantId", count(*)::int as count,
          min(t.ended_at) as "oldestAt", max(t.ended_at) as "newestAt"
        from transfers t where ${DEAD_TRANSFER} group by 2, 3, 4
        union all
        select 'notice', 'unacknowledged', p.actor, n.recipient_id, count(*)::int, min(n.given_up_at), max(n.given_up_at)
        from notices n cross join lateral (
          select case when 'holder' = any (roles) then 'holder' else 'platform' end as actor from participants where id = n.recipient_id) p
        where ${DEAD_NOTICE} group by 3, 4
        order by count desc, "oldestAt" limit ${limit}`.execute(db);
      return rows;
    },
    deadLetters: async ({ kind, problem, participantId }, limit) => {
      const query =
        kind === "transfer"
          ? sql<DeadLetter>`select t.id, t.ended_at as at from transfers t
              where ${DEAD_TRANSFER} and ${PROBLEM} = ${problem} and ${MENDER} is not distinct from ${participantId} order by t.ended_at, t.id limit ${limit}`
          : sql<DeadLetter>`select n.id, n.given_up_at as at from notices n
              where ${DEAD_NOTICE} and n.recipient_id = ${participantId} order by n.given_up_at, n.id limit ${limit}`;
      return (await query.execute(db)).rows;
    },
  };
}
