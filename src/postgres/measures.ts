import { sql } from "kysely";
import { DEAD_LETTER_DAYS, MOST_MEASURED, RECENT_MINUTES, type Measures, type MeasuresReader } from "../core/operation/measures.ts";
import type { Database } from "./pool.ts";

/** Failed for good, under a permission that is still in force, and nothing came after it: only an operator brings it back. */
export const DEAD_TRANSFER = sql<boolean>`
  t.state = 'failed' and t.ended_at > now() - make_interval(days => ${DEAD_LETTER_DAYS})
  and exists (select from consents c where c.id = t.consent_id and c.state in ('active', 'suspended'))
  and not exists (select from transfers later where later.consent_id = t.consent_id and later.created_at > t.created_at)`;

/** Given up, and never sent again by hand. */
export const DEAD_NOTICE = sql<boolean>`n.given_up_at is not null and n.acknowledged_at is null`;

export function readMeasures(db: Database): MeasuresReader {
  return {
    measures: async () => {
      const { rows } = await query.execute(db);
      return rows[0]?.measures as Measures;
    },
  };
}

/**
 * Each part goes by an index that holds only what has not ended, what ended for one participant, or what failed. The states that may be due are those of
 * the index `transfers_due`.
 */
const query = sql<{ measures: Measures }>`
  with ended as (
    select p.id as participant, t.*
    from participants p cross join lateral (
      select 'destination' as "end", state as outcome, ended_at - created_at as took from transfers
      where destination_id = p.id and ended_at > now() - make_interval(mins => ${RECENT_MINUTES})
      union all
      select 'source', state, ended_at - created_at from transfers
      where source_id = p.id and ended_at > now() - make_interval(mins => ${RECENT_MINUTES})
    ) t),
  of_participants as (
    select participant, "end", outcome, count(*)::int as count,
      percentile_cont(0.5) within group (order by extract(epoch from took)::float8) as "medianSeconds"
    from ended where (select count(*) from (select from participants limit ${MOST_MEASURED}) few) < ${MOST_MEASURED}
    group by participant, "end", outcome),
  live as (select state, count(*)::int as count from transfers where ended_at is null group by state),
  totals as (select outcome, count(*)::int as count from ended where "end" = 'destination' group by outcome),
  dead as (
    select 'transfer' as kind, count(*)::int as count from transfers t where ${DEAD_TRANSFER}
    union all select 'notice', count(*)::int from notices n where ${DEAD_NOTICE}
    union all select 'mail', count(*)::int from mails where outcome = 'given_up' and ended_at > now() - make_interval(days => ${DEAD_LETTER_DAYS}))
  select json_build_object(
    'oldestDueSeconds', coalesce((
      select extract(epoch from clock_timestamp() - due_at)::float8 from transfers
      where state in ('scheduled', 'queued', 'fetching', 'delivering', 'delivered', 'received') and due_at <= clock_timestamp()
        and (lease_until is null or lease_until < clock_timestamp())
      order by due_at limit 1), 0),
    'live', coalesce((select json_agg(live) from live), '[]'),
    'ended', coalesce((select json_agg(totals) from totals), '[]'),
    'participants', coalesce((select json_agg(of_participants) from of_participants), '[]'),
    'oldestUntoldWithdrawalSeconds', coalesce((
      select greatest(0, extract(epoch from clock_timestamp() - at))::float8 from consent_changes
      where told_at is null and by = 'person' and state = 'withdrawn' order by sequence limit 1), 0),
    'oldestUnanchoredSeconds', coalesce((
      select greatest(0, extract(epoch from clock_timestamp() - at))::float8 from consent_changes
      where sealed_at is null order by sequence limit 1), 0),
    'logEntries', coalesce((select max(index) + 1 from log_entries), 0),
    'signedLogEntries', coalesce((select max(size) from log_checkpoints), 0),
    'retained', coalesce((
      select json_agg(json_build_object('kind', kind, 'left', left_over,
        'doneSeconds', greatest(0, extract(epoch from clock_timestamp() - coalesce(done_at, began_at)))::float8) order by kind) from retention_rounds), '[]'),
    'deadLetters', (select json_agg(dead) from dead)) as measures`;
