import { sql, type RawBuilder } from "kysely";
import { QUORUM } from "../core/register/facts.ts";
import type { IndicatorsReader } from "../core/register/indicators.ts";
import type { Database } from "./pool.ts";

export function readIndicators(db: Database): IndicatorsReader {
  return {
    looks: (id, { from, until }) =>
      one(
        db,
        sql<{ days: number; passed: number }>`
        with looks as (
          select date_trunc('day', r.ended_at) as day, bool_and(p.outcome <> 'failed') as passed
          from probe_runs r join probe_results p on p.run_id = r.id
          where r.participant_id = ${id} and r.ended_at >= ${from} and r.ended_at < ${until}
            and r.ended_at >= (select min(decided_at) from decisions d where d.participant_id = ${id} and d.kind = 'accredit' and d.level > 0)
          group by 1)
        select count(*)::int as days, count(*) filter (where passed)::int as passed from looks`,
      ),
    suspensions: async (id, { suspendedFrom }) =>
      (
        await one(
          db,
          sql<{ count: number }>`select count(*)::int as count from decisions
          where participant_id = ${id} and kind = 'suspend' and decided_at >= ${suspendedFrom}`,
        )
      ).count,
    deliveries: (id, end, { from, until }) =>
      one(
        db,
        sql<{ ended: number; verified: number; people: number }>`
        select count(*)::int as ended, count(*) filter (where state = 'verified')::int as verified, count(distinct person_id)::int as people
        from transfers where ${sql.ref(end === "source" ? "source_id" : "destination_id")} = ${id}
          and ended_at >= ${from} and ended_at < ${until} and state <> 'cancelled'`,
      ),
    events: (id, { from, until }) =>
      one(
        db,
        sql<{ told: number; acknowledged: number; medianSeconds: number | null }>`
        select count(*)::int as told, count(acknowledged_at)::int as acknowledged,
          percentile_cont(0.5) within group (order by extract(epoch from acknowledged_at - created_at)) as "medianSeconds"
        from notices where recipient_id = ${id} and created_at >= ${from} and created_at < ${until}`,
      ),
    metBy: async (version) => {
      const { rows } = await sql<{ criterion: string; asked: number; met: number }>`
        select r.criterion, count(*)::int as asked, count(*) filter (where r.outcome = 'met' or (
          select count(*) from reviews v
          where v.application_id = r.application_id and v.round = r.round and v.without_conflict and r.criterion = any (v.met)) >= ${QUORUM})::int as met
        from applications a join criterion_results r on r.application_id = a.id and r.round = a.round
        where a.state in ('accredited', 'reinstated') and a.charter_version = ${version}
        group by r.criterion`.execute(db);
      return new Map(rows.map(({ criterion, ...counts }) => [criterion, counts]));
    },
  };
}

/** A count always answers with one row. */
async function one<T>(db: Database, query: RawBuilder<T>): Promise<T> {
  return (await query.execute(db)).rows[0] as T;
}
