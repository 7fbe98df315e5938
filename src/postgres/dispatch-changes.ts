import { sql } from "kysely";
import type { DispatchWriter, LaneLook } from "../core/dispatch/dispatch-port.ts";
import { unknownHealth, type Health } from "../core/dispatch/health.ts";
import type { ParticipantId } from "../core/ids.ts";
import type { Ring } from "../core/transfer/transfer-records.ts";
import type { Candidate } from "../core/dispatch/take-turns.ts";
import { MAY_BE_DUE, pictureOf } from "./dispatch.ts";
import { LOCKS } from "./locks.ts";
import { PATIENT_ANEW } from "./patience.ts";
import { lookUpEach, prepared, type Database } from "./pool.ts";
import { jsonOrNull } from "./rows.ts";

/** A dispatcher that falls silent in its transaction is cut off, so that the others go on. */
const SILENCE = "5s";
/** Longer than somebody silent can keep the lock. Whatever else is waited for is given up, with the turns of this look. */
const PATIENCE = "8s";

/** `offset 0` in what follows: each row is looked up by its id, however few there were when PostgreSQL made its plan (`lookedUp` in standing-rows.ts says which conditions stand there). */
const IS_FREE = sql`(t.lease_until is null or t.lease_until < clock_timestamp())`;

export function writeDispatch(db: Database): DispatchWriter {
  return { ...turns(db), ...words(db), ...watch(db) };
}

type Turns = Pick<DispatchWriter, "alone" | "look" | "candidates" | "take" | "callBack" | "ringAgain">;

function turns(db: Database): Turns {
  return {
    alone: async () => {
      await lookUpEach(db);
      await sql`
        select set_config('idle_in_transaction_session_timeout', ${SILENCE}, true), set_config('lock_timeout', ${PATIENCE}, true),
          set_config('plan_cache_mode', 'force_generic_plan', true), pg_advisory_xact_lock(${LOCKS.dispatch})`.execute(db);
    },
    look: async () => {
      await observe(db);
      return pictureOf(db, (asked) => prepared("dispatch_picture", asked));
    },
    candidates: (looks, now) => candidatesOf(db, looks, now),
    take: (chosen, now) => take(db, chosen, now),
    callBack: async (ids) => {
      if (ids.length === 0) return 0;
      const { rows } = await sql`
        with free as (
          select d.transfer_id, d.epoch from dispatches d join transfers t on d.transfer_id = t.id and d.epoch = t.epoch
          where d.started_at is null and (d.source_id = any (${ids}) or d.destination_id = any (${ids}))
          for no key update of t skip locked),
        back as (
          update transfers t set epoch = t.epoch + 1 from free where t.id = free.transfer_id and t.epoch = free.epoch
          returning free.transfer_id, free.epoch)
        delete from dispatches d using back where d.transfer_id = back.transfer_id and d.epoch = back.epoch returning 1`.execute(db);
      return rows.length;
    },
    ringAgain: async (now, seconds) => {
      const { rows } = await sql<Ring>`
        update dispatches set rung_at = ${now} where started_at is null and rung_at < ${now}::timestamptz - make_interval(secs => ${seconds})
        returning transfer_id as "transferId", epoch`.execute(db);
      return rows;
    },
  };
}

/** The time at which it is seen is at or after the time at which it began: rates that count from it are kept. */
const BEGUN = sql`
    update dispatches d set started_at = clock_timestamp()
    where d.started_at is null and exists (select from transfers t where t.id = d.transfer_id and t.attempts > d.attempts offset 0)
    returning d.source_id, d.destination_id`;

const COUNTED = sql`
    insert into dispatch_minutes (participant_id, minute, starts)
    select c.participant_id, date_trunc('minute', clock_timestamp()), count(*)
    from begun join participant_capacities c on c.participant_id in (begun.source_id, begun.destination_id) and c.per_hour is not null
    group by c.participant_id
    on conflict (participant_id, minute) do update set starts = dispatch_minutes.starts + excluded.starts`;

/** Rows that somebody holds at this moment are left to the next look, here and wherever one is taken back. A pause is no end: the attempt finds that another one owns the transfer, and what it had moved is found at the destination later. */
const PAUSED = sql`
    select t.id from dispatches d join dispatch_pauses p on p.participant_id in (d.source_id, d.destination_id) cross join lateral (
      select t.id, t.state from transfers t
      where t.id = d.transfer_id and (d.epoch = t.epoch or (t.epoch = d.epoch + 1 and t.lease_until > clock_timestamp()))
        and t.state <> 'received' and (p.dataset = '*' or p.dataset = any (t.datasets))
      offset 0 for no key update skip locked) t
    where ${MAY_BE_DUE}`;

/** Where a participant says how many it takes in a second, what began within the last one still counts; so does what began within the last hour, in its minute. */
const OVER = sql`
    delete from dispatches d where exists (select from transfers t where t.id = d.transfer_id and (
      (d.started_at is null and t.attempts = d.attempts and (t.epoch <> d.epoch or t.id = any (array(select id from paused))))
      or (d.started_at is not null and not coalesce(t.epoch = d.epoch + 1 and t.lease_until > clock_timestamp(), false)
        and (d.started_at < clock_timestamp() - interval '1 second' or not exists (
          select from participant_capacities c where c.participant_id in (d.source_id, d.destination_id) and c.per_second is not null)))) offset 0)`;

/** No row is touched twice: what begins now was not known to have begun, and what is over was. */
async function observe(db: Database): Promise<void> {
  const noticed = sql`
    with begun as (${BEGUN}), counted as (${COUNTED}), paused as (${PAUSED}),
    stopped as (update transfers t set epoch = t.epoch + 1, lease_until = null from paused
      where t.id = paused.id and t.id = any (array(select id from paused)))
    ${OVER}`;
  await prepared("dispatch_observe", noticed).execute(db);
}

/** Planned each time, though not for these values: which index is the right one goes by how much there is. Where data sets are paused, from one kind of work in the lane to the next by the index: what waits for them is not read. */
async function candidatesOf(db: Database, looks: readonly LaneLook[], now: Date): Promise<Candidate[]> {
  if (looks.length === 0) return [];
  const asked = looks.map(({ sourceId, destinationId, priority, most, except, paused }) => ({
    source_id: sourceId,
    destination_id: destinationId,
    priority,
    most,
    except_: except,
    paused,
  }));
  const { rows } = await sql<Candidate>`
    with look as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(asked)}::jsonb)
        as look (source_id text, destination_id text, priority smallint, most integer, except_ text[], paused text[]))
    select due.* from look cross join lateral (${dueIn(now)} order by t.due_at limit look.most) due where look.paused = '{}'
    union all
    select due.* from look cross join lateral (
      with recursive kind as (
        (select ${KIND} as kind, t.datasets from transfers t where ${IN_LANE} order by ${KIND} limit 1)
        union all
        select next.* from kind cross join lateral (
          select ${KIND} as kind, t.datasets from transfers t where ${IN_LANE} and ${KIND} > kind.kind order by ${KIND} limit 1) next)
      select own.* from (select * from kind where not kind.datasets && look.paused) free
        cross join lateral (${dueIn(now)} and ${KIND} = free.kind order by t.due_at limit look.most) own
      order by own."dueAt" limit look.most) due
    where look.paused <> '{}'`.execute(db);
  return rows;
}

/** What is of the same data sets has the same 64 bits, by the index `transfers_kinds`. */
const KIND = sql`hash_array_extended(t.datasets, 0)`;
const IN_LANE = sql`t.source_id = look.source_id and t.destination_id = look.destination_id and t.priority = look.priority and ${MAY_BE_DUE}`;

function dueIn(now: Date) {
  return sql`
    select t.id, t.epoch, t.source_id as "sourceId", t.destination_id as "destinationId", t.person_id as "personId", t.priority, t.due_at as "dueAt"
    from transfers t
    where ${IN_LANE} and t.due_at <= ${now} and ${IS_FREE} and t.person_id <> all (look.except_) and not t.datasets && look.paused
      and not exists (select from dispatches d where d.transfer_id = t.id and d.epoch = t.epoch)`;
}

async function take(db: Database, chosen: readonly Candidate[], now: Date): Promise<Ring[]> {
  if (chosen.length === 0) return [];
  const taking = sql<Ring>`
    with taken as (
      select t.* from unnest(${chosen.map(({ id }) => id)}::text[], ${chosen.map(({ epoch }) => epoch)}::int[]) as c (id, epoch) cross join lateral (
        select t.id, t.epoch, t.attempts, t.state, t.lease_until, t.source_id, t.destination_id, t.person_id from transfers t
        where t.id = c.id and t.epoch = c.epoch offset 0 for update skip locked) t
      where ${MAY_BE_DUE} and ${IS_FREE}),
    woken as (update transfers set state = 'queued' where id = any (array(select id from taken where state = 'scheduled')))
    insert into dispatches (transfer_id, epoch, attempts, source_id, destination_id, person_id, rung_at)
    select id, epoch, attempts, source_id, destination_id, person_id, ${now} from taken
    on conflict do nothing returning transfer_id as "transferId", epoch`;
  return (await prepared("dispatch_take", taking).execute(db)).rows;
}

function words(db: Database): Pick<DispatchWriter, "setCapacity" | "pause" | "resume"> {
  return {
    setCapacity: async (stated) => {
      const row = { ...stated, hours: jsonOrNull(stated.hours) };
      await db
        .insertInto("participantCapacities")
        .values(row)
        .onConflict((conflict) => conflict.column("participantId").doUpdateSet(row))
        .execute();
    },
    pause: async (pause) => {
      await db
        .insertInto("dispatchPauses")
        .values(pause)
        .onConflict((conflict) => conflict.columns(["participantId", "dataset", "by"]).doUpdateSet({ reason: pause.reason }))
        .execute();
    },
    resume: async ({ participantId, dataset, by }) => {
      const lifted = await db
        .deleteFrom("dispatchPauses")
        .where("participantId", "=", participantId)
        .where("dataset", "=", dataset)
        .where("by", "=", by)
        .executeTakeFirst();
      if (lifted.numDeletedRows === 0n) return false;
      await goOnAnew(db, participantId, dataset);
      return true;
    },
  };
}

/** What was tried before the pause, and waited through it. What somebody holds at this moment is tried, and waits for nothing. */
async function goOnAnew(db: Database, participantId: ParticipantId, dataset: string): Promise<void> {
  await sql`
    with held as (
      select id from transfers t where ${MAY_BE_DUE} and t.attempts > 0 and (t.source_id = ${participantId} or t.destination_id = ${participantId})
        and (${dataset} = '*' or ${dataset} = any (t.datasets)) order by id for update skip locked)
    update transfers t set expires_at = ${sql.raw(PATIENT_ANEW)} from held, consents c where held.id = t.id and c.id = t.consent_id`.execute(
    db,
  );
}

type Watch = Pick<DispatchWriter, "health" | "putHealth" | "seen" | "gone">;

function watch(db: Database): Watch {
  return {
    health: async (participantId) => {
      await db
        .insertInto("participantHealth")
        .values(unknownHealth(participantId))
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const { rows } = await sql<Health & { now: Date }>`
        select participant_id as "participantId", failures, trips, opened_until as "openedUntil", resting_until as "restingUntil",
          answered_at as "answeredAt", clock_timestamp() as now
        from participant_health where participant_id = ${participantId} for update`.execute(db);
      const { now, ...health } = rows[0] as Health & { now: Date };
      return { health, now };
    },
    putHealth: async (health) => {
      await db.updateTable("participantHealth").set(health).where("participantId", "=", health.participantId).execute();
    },
    seen: async ({ id, slots }) => {
      await sql`
        insert into workers (id, slots, seen_at) values (${id}, ${slots}, clock_timestamp())
        on conflict (id) do update set slots = excluded.slots, seen_at = excluded.seen_at`.execute(db);
      await sql`delete from workers where seen_at < clock_timestamp() - interval '1 hour'`.execute(db);
      await sql`delete from dispatch_minutes where minute < clock_timestamp() - interval '2 hours'`.execute(db);
    },
    gone: async (workerId) => {
      await db.deleteFrom("workers").where("id", "=", workerId).execute();
    },
  };
}
