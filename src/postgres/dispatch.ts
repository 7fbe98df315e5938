import { sql } from "kysely";
import type { Capacity } from "../core/dispatch/capacity.ts";
import type { DispatchReader, Lane } from "../core/dispatch/dispatch-port.ts";
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
    terms: (participantIds, now) => termsOf(db, participantIds, now),
    flights: () => flightsOf(db),
    present: async () => {
      const { rows } = await sql<{ now: Date; slots: number }>`
        select clock_timestamp() as now, coalesce(sum(slots), 0)::int as slots
        from workers where seen_at > clock_timestamp() - make_interval(secs => ${WORKER_SECONDS})`.execute(db);
      return rows[0] as { now: Date; slots: number };
    },
    isBusy: async () => {
      const { rows } = await sql<{ isBusy: boolean }>`
        select exists (select from dispatches) or exists (select from transfers t where ${MAY_BE_DUE} and t.due_at <= (select clock_timestamp())) as "isBusy"`.execute(
        db,
      );
      return rows[0]?.isBusy ?? false;
    },
    lanes: () => lanesOf(db),
  };
}

async function flightsOf(db: Database): Promise<Flight[]> {
  const { rows } = await sql<Flight>`
    select d.transfer_id as "transferId", d.epoch, d.source_id as "sourceId", d.destination_id as "destinationId", d.person_id as "personId",
      d.started_at as "startedAt", (d.started_at is not null and coalesce(not ${IS_RUNNING}, true)) as "isOver"
    from dispatches d join transfers t on t.id = d.transfer_id`.execute(db);
  return rows;
}

/** From one lane to the next by the index: what waits in between is not read. */
async function lanesOf(db: Database): Promise<Lane[]> {
  const { rows } = await sql<Lane>`
    with recursive lane as (
      (select t.source_id, t.destination_id, t.priority from transfers t where ${MAY_BE_DUE}
       order by t.source_id, t.destination_id, t.priority limit 1)
      union all
      select next.* from lane cross join lateral (
        select t.source_id, t.destination_id, t.priority from transfers t
        where ${MAY_BE_DUE} and (t.source_id, t.destination_id, t.priority) > (lane.source_id, lane.destination_id, lane.priority)
        order by t.source_id, t.destination_id, t.priority limit 1) next)
    select source_id as "sourceId", destination_id as "destinationId", priority from lane`.execute(db);
  return rows;
}

type TermsRow = Omit<Health, "participantId"> &
  Capacity & { participantId: ParticipantId; pauses: (Omit<Pause, "since"> & { since: string })[]; startsInHour: number };

/** Whole minutes that reach into the last hour: never less than what began in it. */
async function termsOf(db: Database, ids: readonly ParticipantId[], now: Date): Promise<Terms[]> {
  const { rows } = await sql<TermsRow>`
    select p.id as "participantId", c.per_second as "perSecond", c.per_hour as "perHour", c.concurrent, c.hours,
      coalesce(h.failures, 0) as failures, coalesce(h.trips, 0) as trips, h.opened_until as "openedUntil", h.resting_until as "restingUntil",
      h.answered_at as "answeredAt",
      coalesce((select json_agg(json_build_object('participantId', d.participant_id, 'dataset', d.dataset, 'by', d.by, 'reason', d.reason, 'since', d.since) order by d.since)
        from dispatch_pauses d where d.participant_id = p.id), '[]') as pauses,
      case when c.per_hour is null then 0 else coalesce((select sum(m.starts)::int from dispatch_minutes m
        where m.participant_id = p.id and m.minute >= date_trunc('minute', ${now}::timestamptz - interval '1 hour')), 0) end as "startsInHour"
    from unnest(${ids}::text[]) as p (id)
    left join participant_capacities c on c.participant_id = p.id left join participant_health h on h.participant_id = p.id`.execute(db);
  return rows.map(({ participantId, perSecond, perHour, concurrent, hours, pauses, startsInHour, ...health }) => ({
    participantId,
    capacity: { perSecond, perHour, concurrent, hours },
    health: { ...health, participantId },
    pauses: pauses.map((pause) => ({ ...pause, since: new Date(pause.since) })),
    startsInHour,
  }));
}
