import { sql, type RawBuilder } from "kysely";
import { RETAINED_KINDS, type Removed, type RetainedKind, type RetentionRound, type RetentionWriter } from "../core/operation/retention.ts";
import { LOCKS_OF } from "./locks.ts";
import { SCHEMA, type Database } from "./pool.ts";
import { REMOVALS, type PlainKind, type Removal } from "./retention-rules.ts";

const MOST_COUNTED = 10_000;

export function readRetention(db: Database): { rounds(): Promise<RetentionRound[]> } {
  return {
    rounds: async () => {
      const { rows } = await sql<RetentionRound>`
        select kind, done_at, began_at, left_over from retention_rounds where kind = any (${RETAINED_KINDS}::text[])`.execute(db);
      return rows;
    },
  };
}

export function writeRetention(db: Database): RetentionWriter {
  return {
    step: async (kind, { days, limit }) => {
      if (!(await isFree(db, kind))) return null;
      const taken = kind === "item-names" ? await removeNames(db, days, limit) : await removePlain(db, kind, days, limit);
      await noteStep(db, kind, taken);
      return taken;
    },
    countLeft: async (kind, days) => {
      const due =
        kind === "item-names" ? namesLeft(days) : sql`select from ${aliased(REMOVALS[kind])} where ${dueOf(REMOVALS[kind], days)}`;
      const { rows } = await sql<{ count: number }>`select count(*)::int as count from (${due} limit ${sql.lit(MOST_COUNTED)}) d`.execute(
        db,
      );
      const count = rows[0]?.count ?? 0;
      await sql`update retention_rounds set left_over = ${count} where kind = ${kind}`.execute(db);
      return count;
    },
  };
}

async function isFree(db: Database, kind: RetainedKind): Promise<boolean> {
  const { rows } = await sql<{
    isFree: boolean;
  }>`select pg_try_advisory_xact_lock(${LOCKS_OF.retention}, hashtext(${kind})) as is_free`.execute(db);
  return rows[0]?.isFree === true;
}

async function noteStep(db: Database, kind: RetainedKind, { removed, isOver }: Removed): Promise<void> {
  await sql`
    insert into retention_rounds as r (kind, began_at, looked_at, done_at, left_over, removed)
    values (${kind}, clock_timestamp(), clock_timestamp(), case when ${isOver} then clock_timestamp() end, 0, ${removed})
    on conflict (kind) do update set looked_at = excluded.looked_at, done_at = coalesce(excluded.done_at, r.done_at),
      left_over = case when ${isOver} then 0 else r.left_over end, removed = r.removed + excluded.removed`.execute(db);
}

const before = (days: number) => sql`(clock_timestamp() - make_interval(secs => ${days * 86_400}))`;
const aliased = ({ table }: Removal) => sql`${sql.table(`${SCHEMA}.${table}`)} as t`;

/** The condition is ours; the moment goes as a parameter. */
function dueOf({ due }: Removal, days: number): RawBuilder<unknown> {
  const parts = due.split("$before").map((part) => sql.raw(part));
  return sql`(${sql.join(parts, before(days))})`;
}

async function removePlain(db: Database, kind: PlainKind, days: number, limit: number): Promise<Removed> {
  const removal = REMOVALS[kind];
  const { takes } = removal;
  const taken = takes
    ? sql`, taken as (delete from ${sql.table(`${SCHEMA}.${takes.table}`)} where ${sql.ref(takes.by)} in (select id from gone))`
    : sql``;
  const { rows } = await sql<{ count: number }>`
    with due as (select ctid from ${aliased(removal)} where ${dueOf(removal, days)} limit ${limit} for update skip locked),
    gone as (delete from ${aliased(removal)} where t.ctid = any (array(select ctid from due)) returning ${takes ? sql`t.id` : sql`1`})
    ${taken}
    select count(*)::int as count from gone`.execute(db);
  const removed = rows[0]?.count ?? 0;
  return { removed, isOver: removed < limit };
}

/** Transfers in the order of their ends, behind the last one of which no name is left. */
const ended = (days: number, limit: number) => sql`
  select t.id, t.ended_at from transfers t
  where t.ended_at <= ${before(days)} and (t.ended_at, t.id) > (
    select coalesce(max(reached_at), '-infinity'), coalesce(max(reached_id), '') from retention_rounds where kind = 'item-names')
  order by t.ended_at, t.id limit ${limit}`;

const namesLeft = (days: number) => sql`select from (${ended(days, MOST_COUNTED)}) t join transfer_items i on i.transfer_id = t.id`;

/** Their counts are added up where they go: what the person's pages say of how many stays true. */
async function removeNames(db: Database, days: number, limit: number): Promise<Removed> {
  const { rows } = await sql<{ looked: number; removed: number; reachedAt: string | null; reachedId: string | null }>`
    with looked as (${ended(days, limit)}),
    due as (select i.ctid from looked join transfer_items i on i.transfer_id = looked.id limit ${limit}),
    gone as (delete from transfer_items where ctid = any (array(select ctid from due)) returning transfer_id, dataset, state, sha256, bytes, made_from),
    -- Names of what its source deleted, too: the manifest says them, as it says those of items.
    told as (delete from transfer_deletions where transfer_id in (select id from looked)),
    counted as (
      insert into transfer_item_counts as c (transfer_id, dataset, items, sent, stored, verified, omitted, bytes)
      select transfer_id, dataset, count(*), count(*) filter (where state in ('sent', 'stored')), count(*) filter (where state = 'stored'),
        count(*) filter (where state = 'stored' and sha256 is not null), count(*) filter (where state = 'omitted'),
        coalesce(sum(bytes) filter (where state in ('sent', 'stored')), 0)
      from gone where made_from is null group by transfer_id, dataset
      on conflict (transfer_id, dataset) do update set items = c.items + excluded.items, sent = c.sent + excluded.sent, stored = c.stored + excluded.stored,
        verified = c.verified + excluded.verified, omitted = c.omitted + excluded.omitted, bytes = c.bytes + excluded.bytes)
    select (select count(*)::int from looked) as looked, (select count(*)::int from gone) as removed, l.ended_at::text as reached_at, l.id as reached_id
    from (select 1) one left join (select * from looked order by ended_at desc, id desc limit 1) l on true`.execute(db);
  const [{ looked, removed, reachedAt, reachedId } = { looked: 0, removed: 0, reachedAt: null, reachedId: null }] = rows;
  // Fewer than it may take: none of what was looked at has a name left.
  const isClean = removed < limit;
  if (isClean && reachedAt !== null) await reach(db, reachedAt, reachedId);
  return { removed, isOver: isClean && looked < limit };
}

async function reach(db: Database, at: string, id: string | null): Promise<void> {
  await sql`
    insert into retention_rounds (kind, began_at, looked_at, left_over, removed, reached_at, reached_id)
    values ('item-names', clock_timestamp(), clock_timestamp(), 0, 0, ${at}::timestamptz, ${id})
    on conflict (kind) do update set reached_at = excluded.reached_at, reached_id = excluded.reached_id`.execute(db);
}
