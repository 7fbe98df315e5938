import type pg from "pg";
import { itemName } from "../core/transfer/adapter.ts";
import { lastOfEach, type AttemptRecords, type Begun, type Step } from "../core/transfer/attempt-records.ts";
import type { Consent } from "../core/consent/consent.ts";
import { RelaisError } from "../core/errors.ts";
import type { Participant } from "../core/register/participant.ts";
import { isTerminal, type Transfer } from "../core/transfer/transfer.ts";
import { gathered } from "./gathered.ts";
import { COLUMNS } from "./participants.ts";
import { PATIENT_FROM_FIRST } from "./patience.ts";
import { SCHEMA } from "./pool.ts";
import { STANDING, standingOf, standingRows } from "./standing-rows.ts";
import { isCollision, sqlState, translate } from "./store-errors.ts";
import { fromJson, versionedRows, type Row } from "./versioned-rows.ts";

const NEXT_EVENT = `coalesce((select max(sequence) from ${SCHEMA}.transfer_events e where e.transfer_id = held.id), 0)`;

/**
 * Each is one prepared statement for all attempts that call meanwhile (decision 0035). Rows are looked up by their ids, however few there were when
 * PostgreSQL made its plan: by `offset 0` (`lookedUp` in standing-rows.ts says which conditions stand there), and where they are changed by an array beside the join.
 */
const STATEMENTS = {
  begin: `with asked as materialized (
      select * from unnest($1::text[], $2::integer[], $3::float8[], $4::timestamptz[], $5::text[])
        with ordinality as a(id, epoch, lease, at, today, place)
    ), free as materialized (
      -- A row that somebody holds at this moment is rung for again: nobody waits for whoever is frozen with it.
      select a.* from asked a cross join lateral (
        select state, due_at, lease_until from ${SCHEMA}.transfers t where t.id = a.id and t.epoch = a.epoch offset 0 for no key update skip locked) t
      where t.state in ('queued', 'fetching', 'delivering', 'delivered', 'received')
        and t.due_at <= clock_timestamp() and (t.lease_until is null or t.lease_until < clock_timestamp())
    ), held as (
      update ${SCHEMA}.transfers t set epoch = t.epoch + 1, attempts = t.attempts + 1,
        lease_until = clock_timestamp() + make_interval(secs => a.lease), expires_at = ${PATIENT_FROM_FIRST},
        state = case when t.state = 'queued' then 'fetching' else t.state end
      from free a where t.id = a.id and t.epoch = a.epoch and t.id = any (array(select id from free))
      returning a.place, a.at, a.today, t.id, t.consent_id, t.state, t.attempts, to_jsonb(t) as transfer
    ), noted as (
      insert into ${SCHEMA}.transfer_events (transfer_id, sequence, at, kind, actor, details)
      select id, ${NEXT_EVENT} + 1, at, 'attempt_started', 'relais', jsonb_build_object('attempt', attempts)
      -- Asking an organisation again what it decided is no new try.
      from held where state <> 'received'
    )
    select asked.place, asked.transfer,
      (select jws from ${SCHEMA}.transfer_documents m where m.transfer_id = asked.id and m.kind = 'manifest') as manifest, ${STANDING}
    from held asked ${standingOf("asked.consent_id")}`,
  look: `select asked.place, t.state, t.epoch, ${STANDING}
    from unnest($1::text[], $2::text[]) with ordinality as asked(id, today, place)
    cross join lateral (select state, epoch, consent_id from ${SCHEMA}.transfers t where t.id = asked.id offset 0) t ${standingOf("t.consent_id")}`,
  step: `with asked as materialized (
      select * from jsonb_to_recordset($1) as a(place integer, id text, epoch integer, at timestamptz, state text, ends boolean, events jsonb,
        expected jsonb, listed jsonb, marks jsonb, document jsonb, stands jsonb, deletions jsonb, copied text)
    ), held as (
      select a.*, t.switch_id from (select * from asked order by id) a cross join lateral (
        select ended_at, switch_id from ${SCHEMA}.transfers t where t.id = a.id and t.epoch = a.epoch offset 0 for update) t
      where t.ended_at is null
    ), moved as (
      update ${SCHEMA}.transfers t set state = held.state,
        ended_at = case when held.ends then held.at else t.ended_at end, lease_until = case when held.ends then null else t.lease_until end
      from held where t.id = held.id and held.state is not null and t.id = any (array(select id from held))
    ), noted as (
      insert into ${SCHEMA}.transfer_events (transfer_id, sequence, at, kind, actor, details)
      select held.id, ${NEXT_EVENT} + e.number, coalesce((e.event->>'at')::timestamptz, held.at), e.event->>'kind', e.event->>'actor', coalesce(e.event->'details', '{}')
      from held cross join lateral jsonb_array_elements(held.events) with ordinality as e(event, number)
    ), counted as (
      insert into ${SCHEMA}.transfer_expected (transfer_id, dataset, items, bytes)
      select held.id, c.dataset, c.items, c.bytes
      from held cross join lateral jsonb_to_recordset(held.expected) as c(dataset text, items integer, bytes bigint)
      on conflict (transfer_id, dataset) do update set items = greatest(transfer_expected.items, excluded.items)
    ), listed as (
      insert into ${SCHEMA}.transfer_items (transfer_id, dataset, key, media_type, bytes, sha256, state, made_from)
      select held.id, i.dataset, i.key, i."mediaType", i.bytes, i.sha256, 'listed', i."madeFrom"
      from held cross join lateral jsonb_to_recordset(held.listed) as i(dataset text, key text, "mediaType" text, bytes bigint, sha256 text, "madeFrom" jsonb)
      on conflict (transfer_id, dataset, key) do update set made_from = excluded.made_from where transfer_items.made_from is distinct from excluded.made_from
    ), marked as (
      insert into ${SCHEMA}.transfer_items (transfer_id, dataset, key, media_type, bytes, sha256, state, reason)
      select held.id, m.dataset, m.key, coalesce(m."mediaType", 'application/octet-stream'), m.bytes, m.sha256, m.state, m.reason
      from held cross join lateral jsonb_to_recordset(held.marks) as m(dataset text, key text, state text, reason text, bytes bigint, sha256 text, "mediaType" text)
      on conflict (transfer_id, dataset, key) do update
      set state = excluded.state, reason = excluded.reason,
        bytes = coalesce(excluded.bytes, transfer_items.bytes), sha256 = coalesce(excluded.sha256, transfer_items.sha256)
    ), kept as (
      insert into ${SCHEMA}.transfer_documents (id, transfer_id, kind, jws, created_at)
      select held.document->>'id', held.id, held.document->>'kind', ($2::text[])[held.place], held.at from held where held.document is not null
    ), standing as (
      insert into ${SCHEMA}.transfer_positions (transfer_id, dataset, kind, value, at)
      select held.id, p.dataset, p.kind, p.value, p.at
      from held cross join lateral jsonb_to_recordset(held.stands) as p(dataset text, kind text, value text, at timestamptz)
    ), told as (
      insert into ${SCHEMA}.transfer_deletions (transfer_id, dataset, key, outcome)
      select held.id, d.dataset, d.key, d.outcome
      from held cross join lateral jsonb_to_recordset(held.deletions) as d(dataset text, key text, outcome text)
    ), switched as (
      update ${SCHEMA}.switches s set state = held.copied, epoch = s.epoch + 1,
        verified_at = case when held.copied = 'verified' then held.at else s.verified_at end
      from held where s.id = held.switch_id and held.copied is not null and s.state = 'copying' and s.id = any (array(select switch_id from held))
    )
    select place from held`,
} as const;

type Look = Row & Pick<Begun, "ground">;

/** How often a statement that collided with another writer's is sent again. */
const TRIES = 5;

/** `pool`: as `openPreparedPool` makes it. */
export function createAttemptRecords(pool: pg.Pool): AttemptRecords {
  const ask = async (name: string, text: string, values: unknown[]): Promise<Row[]> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return (await pool.query<Row>({ name: `attempts_${name}`, text, values })).rows;
      } catch (error) {
        if (attempt >= TRIES || !isPassing(error)) return translate(error);
      }
    }
  };
  const consents = versionedRows<Consent>(ask, "consents");
  const standings = standingRows(ask, { consents, participants: versionedRows<Participant>(ask, "participants", COLUMNS) });
  /** Rows in the order of what was asked, each with what its right stands on. */
  const grounded = async (rows: Row[], count: number): Promise<(Look | null)[]> => {
    const grounds = await standings(rows);
    const byPlace = new Map(rows.map((row, index) => [Number(row["place"]), { ...row, ground: grounds[index] ?? null }]));
    return Array.from({ length: count }, (_, index) => byPlace.get(index + 1) ?? null);
  };
  const begin = gathered<{ id: string; epoch: number; leaseSeconds: number; at: Date }, Row | null>(async (asked) => {
    const column = <T>(of: (one: (typeof asked)[number]) => T) => asked.map(of);
    const values = [column((a) => a.id), column((a) => a.epoch), column((a) => a.leaseSeconds), column((a) => a.at), column(dayOf)];
    return inOrder(await ask("begin", STATEMENTS.begin, values), asked.length);
  });
  const look = gathered<{ id: string; at: Date }, Look | null>(async (asked) =>
    grounded(await ask("look", STATEMENTS.look, [asked.map(({ id }) => id), asked.map(dayOf)]), asked.length),
  );
  const step = gathered<{ document?: Step["document"] }, boolean>(async (steps) => {
    // A document of a large transfer has tens of megabytes: as a value of its own it is not read as JSON, which took the database fifteen times as much.
    const rows = await ask("step", STATEMENTS.step, [
      JSON.stringify(
        steps.map(({ document, ...one }, index) => ({ ...one, place: index + 1, document: document && { ...document, jws: null } })),
      ),
      steps.map(({ document }) => document?.jws ?? null),
    ]);
    const held = new Set(rows.map(({ place }) => place));
    return steps.map((_, index) => held.has(index + 1));
  });
  return {
    begin: async ({ transferId, epoch }, terms) => {
      const row = await begin({ id: transferId, epoch, ...terms });
      // The lease is taken: what has to be fetched beside is fetched outside of the statement, which is not to be sent again.
      return row === null ? null : begunOf(row, (await standings([row]))[0] ?? null);
    },
    look: async (id, now) => {
      const row = await look({ id, at: now });
      if (row === null) throw new RelaisError("not_found", "There is no transfer with this id.");
      return { state: row["state"] as Transfer["state"], epoch: row["epoch"] as number, ground: row.ground };
    },
    step: ({ id, epoch }, written, at) => step({ id, epoch, at, ...rowOf(written) } as Pick<Step, "document">),
  };
}

function rowOf({ state, listed, marks = [], ...step }: Step): object {
  const marked = new Set(marks.map(itemName));
  // One row is written once in a statement: what is marked is not listed beside.
  const others =
    listed && [...new Map(listed.map((item) => [itemName(item), item])).values()].filter((item) => !marked.has(itemName(item)));
  return { ...step, state, ends: state !== undefined && isTerminal(state), listed: others, marks: lastOfEach(marks) };
}

function begunOf(row: Row, ground: Begun["ground"]): Begun {
  const { leaseUntil, ...transfer } = fromJson(row["transfer"]) as Omit<Transfer, "leaseUntil"> & { leaseUntil: string };
  return { transfer: { ...transfer, leaseUntil: new Date(leaseUntil) }, manifest: row["manifest"] as string | null, ground };
}

function inOrder(rows: Row[], count: number): (Row | null)[] {
  const byPlace = new Map(rows.map((row) => [Number(row["place"]), row]));
  return Array.from({ length: count }, (_, index) => byPlace.get(index + 1) ?? null);
}

function dayOf({ at }: { at: Date }): string {
  return at.toISOString().slice(0, 10);
}

/** Two writers of one timeline may have counted to the same number: the second one counts again. */
function isPassing(error: unknown): boolean {
  return isCollision(error) || (sqlState(error) === "23505" && (error as { constraint?: string }).constraint === "transfer_events_pkey");
}
