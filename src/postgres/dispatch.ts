import { sql, type RawBuilder } from "kysely";
import type { Capacity } from "../core/dispatch/capacity.ts";
import type { DispatchReader, Lane, Picture } from "../core/dispatch/dispatch-port.ts";
import type { Flight, Pause, Terms } from "../core/dispatch/gate.ts";
import type { Health } from "../core/dispatch/health.ts";
import type { ParticipantId } from "../core/ids.ts";
import type { Database } from "./pool.ts";

/** A worker that was not seen for this long is gone. */
const WORKER_SECONDS = 15;

/** States in which work may be due: those of the index `transfers_lanes`. */
export const MAY_BE_DUE = sql`t.state in ('scheduled', 'queued', 'fetching', 'delivering', 'delivered', 'received')`;
/** The attempt that was rung for holds its lease. Null for whatever has not started. */
const IS_RUNNING = sql`(t.epoch = d.epoch + 1 and t.lease_until > clock_timestamp())`;

export function readDispatch(db: Database): DispatchReader {
  return {
    capacity: async (participantId) =>
      (await db.selectFrom("participantCapacities").selectAll().where("participantId", "=", participantId).executeTakeFirst()) ?? null,
    pauses: async (participantId) => {
      const all = db.selectFrom("dispatchPauses").selectAll().orderBy("since");
      return (participantId === undefined ? all : all.where("participantId", "=", participantId)).execute();
    },
    picture: (also) => pictureOf(db, (asked) => asked, also),
    present: async () => {
      const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db);
      return rows[0] as { now: Date };
    },
    isBusy: async () => {
      const { rows } = await sql<{ isBusy: boolean }>`
        select exists (select from dispatches) or exists (select from transfers t where ${MAY_BE_DUE} and t.due_at <= (select clock_timestamp())) as "isBusy"`.execute(
        db,
      );
      return rows[0]?.isBusy ?? false;
    },
  };
}

/** From one lane to the next by the index: what waits in between is not read. */
const LANES = sql`
    (select t.source_id, t.destination_id, t.priority from transfers t where ${MAY_BE_DUE}
     order by t.source_id, t.destination_id, t.priority limit 1)
    union all
    select next.* from lane cross join lateral (
      select t.source_id, t.destination_id, t.priority from transfers t
      where ${MAY_BE_DUE} and (t.source_id, t.destination_id, t.priority) > (lane.source_id, lane.destination_id, lane.priority)
      order by t.source_id, t.destination_id, t.priority limit 1) next`;

const FLIGHTS = sql`
    select d.transfer_id as "transferId", d.epoch, d.source_id as "sourceId", d.destination_id as "destinationId", d.person_id as "personId",
      d.rung_at as "rungAt", d.started_at as "startedAt", (d.started_at is not null and coalesce(not ${IS_RUNNING}, true)) as "isOver"
    from dispatches d cross join lateral (select epoch, lease_until from transfers t where t.id = d.transfer_id offset 0) t`;

/** Whole minutes that reach into the last hour: never less than what began in it. */
const TERMS = sql`
    select p.id as "participantId", c.per_second as "perSecond", c.per_hour as "perHour", c.concurrent, c.hours,
      coalesce(h.failures, 0) as failures, coalesce(h.trips, 0) as trips, h.opened_until as "openedUntil", h.resting_until as "restingUntil",
      h.answered_at as "answeredAt",
      coalesce((select json_agg(json_build_object('participantId', d.participant_id, 'dataset', d.dataset, 'by', d.by, 'reason', d.reason, 'since', d.since) order by d.since)
        from dispatch_pauses d where d.participant_id = p.id), '[]') as pauses,
      case when c.per_hour is null then 0 else coalesce((select sum(m.starts)::int from dispatch_minutes m
        where m.participant_id = p.id and m.minute >= date_trunc('minute', clock_timestamp() - interval '1 hour')), 0) end as "startsInHour"
    from party p left join participant_capacities c on c.participant_id = p.id left join participant_health h on h.participant_id = p.id`;

type Json<T> = { [K in keyof T]: T[K] extends Date ? string : T[K] extends Date | null ? string | null : T[K] };
type TermsRow = Json<Health> & Capacity & { pauses: Json<Pause>[]; startsInHour: number };

interface PictureRow {
  now: Date;
  slots: number;
  lanes: Lane[];
  flights: Json<Flight>[];
  terms: TermsRow[];
}

type Statement = RawBuilder<PictureRow>;

/** All of it by one statement: whoever gives turns keeps every other dispatcher waiting. */
export async function pictureOf(db: Database, how: (asked: Statement) => Statement, also: readonly ParticipantId[] = []): Promise<Picture> {
  const asked = sql<PictureRow>`
    with recursive lane as (${LANES}),
    flight as materialized (${FLIGHTS}),
    party as (
      select source_id as id from lane union select destination_id from lane union select "sourceId" from flight union select "destinationId" from flight
      union select unnest(${also}::text[]))
    select clock_timestamp() as now,
      (select coalesce(sum(slots), 0)::int from workers where seen_at > clock_timestamp() - make_interval(secs => ${WORKER_SECONDS})) as slots,
      (select coalesce(json_agg(json_build_object('sourceId', source_id, 'destinationId', destination_id, 'priority', priority)), '[]') from lane) as lanes,
      (select coalesce(json_agg(flight), '[]') from flight) as flights,
      (select coalesce(json_agg(term), '[]') from (${TERMS}) term) as terms`;
  const { rows } = await how(asked).execute(db);
  const { flights, terms, ...rest } = rows[0] as PictureRow;
  return {
    ...rest,
    flights: flights.map((flight) => ({ ...flight, rungAt: new Date(flight.rungAt), startedAt: dateOr(flight.startedAt) })),
    terms: terms.map(termsOf),
  };
}

function termsOf({ participantId, perSecond, perHour, concurrent, hours, pauses, startsInHour, ...health }: TermsRow): Terms {
  const { openedUntil, restingUntil, answeredAt, ...counts } = health;
  return {
    participantId,
    capacity: { perSecond, perHour, concurrent, hours },
    health: {
      ...counts,
      participantId,
      openedUntil: dateOr(openedUntil),
      restingUntil: dateOr(restingUntil),
      answeredAt: dateOr(answeredAt),
    },
    pauses: pauses.map((pause) => ({ ...pause, since: new Date(pause.since) })),
    startsInHour,
  };
}

const dateOr = (text: string | null): Date | null => (text === null ? null : new Date(text));
