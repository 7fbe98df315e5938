import { sql } from "kysely";
import { RelaisError } from "../core/errors.ts";
import type { SwitchId, TransferId } from "../core/ids.ts";
import type { Writer } from "../core/ports.ts";
import type { NewEvent, TransferChange } from "../core/transfer/transfer-records.ts";
import { lastOfEach } from "../core/transfer/attempt-records.ts";
import { isTerminal, type Transfer } from "../core/transfer/transfer.ts";
import { PATIENT_ANEW } from "./patience.ts";
import type { Database } from "./pool.ts";
import { json } from "./rows.ts";

type Deliveries = Writer["deliveries"];

export function writeTransfers(db: Database): Deliveries {
  return { ...intake(db), ...lease(db), ...changes(db), ...sanctions(db), ...record(db) };
}

function intake(db: Database): Pick<Deliveries, "acceptAlone" | "add" | "lastArrival" | "claimKey"> {
  return {
    acceptAlone: async (id) => void (await sql`select from consents where id = ${id} for no key update`.execute(db)),
    add: async (transfer, priority) => {
      await db
        .insertInto("transfers")
        .values({ ...transfer, priority })
        .execute();
    },
    lastArrival: async (id) => {
      const { rows } = await sql<{ againAt: Date | null }>`
        select t.created_at + recurrence_of(c.notice ->> 'recurrence') / 2 as "againAt"
        from transfers t join consents c on c.id = t.consent_id
        where t.consent_id = ${id} and t.state in ('verified', 'partial') order by t.created_at desc limit 1`.execute(db);
      return rows[0] ?? null;
    },
    claimKey: async (key) => {
      const claimed = await db
        .insertInto("transferKeys")
        .values(key)
        .onConflict((conflict) => conflict.columns(["caller", "key"]).doNothing())
        .executeTakeFirst();
      if (claimed.numInsertedOrUpdatedRows === 1n) return null;
      const known = await db
        .selectFrom("transferKeys")
        .selectAll()
        .where("caller", "=", key.caller)
        .where("key", "=", key.key)
        .executeTakeFirstOrThrow();
      if (known.fingerprint === key.fingerprint) return known.transferId;
      throw new RelaisError(
        "idempotency_mismatch",
        "This Idempotency-Key came with another request before. Use a new key for a new request.",
      );
    },
  };
}

function lease(db: Database): Pick<Deliveries, "renew"> {
  const until = (seconds: number) => sql<Date>`clock_timestamp() + make_interval(secs => ${seconds})`;
  return {
    renew: async (id, epoch, leaseSeconds) => {
      const renewed = await db
        .updateTable("transfers")
        .set({ leaseUntil: until(leaseSeconds) })
        .where("id", "=", id)
        .where("epoch", "=", epoch)
        .executeTakeFirst();
      return renewed.numUpdatedRows === 1n;
    },
  };
}

function changes(db: Database): Pick<Deliveries, "change" | "tried" | "interrupt" | "live"> {
  return {
    tried: (id, epoch, outcome) => (outcome === "failed" ? failed(db, id, epoch) : waited(db, id, epoch)),
    change: async (id, epoch, change) => {
      const columns = columnsOf(change);
      if (Object.keys(columns).length === 0) return holds(db, id, epoch);
      const owned = db.updateTable("transfers").set(columns).where("id", "=", id).where("epoch", "=", epoch);
      // Whoever never heard that its last write was committed would write on after the end.
      const changed = await owned.where("endedAt", "is", null).executeTakeFirst();
      return changed.numUpdatedRows === 1n;
    },
    interrupt: async (id, change) => {
      await db
        .updateTable("transfers as t")
        .set((row) => ({
          ...columnsOf({ ...change, release: true }),
          ...(change.state === "queued"
            ? { expiresAt: sql<Date>`(select ${sql.raw(PATIENT_ANEW)} from consents c where c.id = t.consent_id)` }
            : {}),
          epoch: row("epoch", "+", 1),
        }))
        .where("id", "=", id)
        .execute();
    },
    live: (filter) => {
      let query = db.selectFrom("transfers").selectAll().where("endedAt", "is", null);
      if (filter.consentId !== undefined) query = query.where("consentId", "=", filter.consentId);
      const { participantId } = filter;
      if (participantId !== undefined)
        query = query.where((row) => row.or([row("sourceId", "=", participantId), row("destinationId", "=", participantId)]));
      return query.forUpdate().execute();
    },
  };
}

async function failed(db: Database, id: TransferId, epoch: number): Promise<number> {
  const { rows } = await sql<{ failures: number }>`
    update transfers t set failures = case when now.moved > t.moved then 1 else t.failures + 1 end, moved = now.moved
    from (select (select count(*) from transfer_items where transfer_id = ${id} and state <> 'listed')
      + (select count(*) from transfer_documents where transfer_id = ${id}) as moved) now
    where t.id = ${id} and t.epoch = ${epoch} and t.ended_at is null returning t.failures`.execute(db);
  return rows[0]?.failures ?? 0;
}

async function waited(db: Database, id: TransferId, epoch: number): Promise<number> {
  await sql`
    update transfers t set failures = 0, expires_at = ${sql.raw(PATIENT_ANEW)} from consents c
    where t.id = ${id} and t.epoch = ${epoch} and t.ended_at is null and c.id = t.consent_id`.execute(db);
  return 0;
}

const MOVING = ["scheduled", "queued", "fetching", "delivering", "delivered"] as const;

/**
 * What runs comes first, then what waits: a decision has to be felt within a second, and a hundred thousand rows take longer. Timelines are written
 * by a statement of their own: only one that begins when the rows are locked sees every line that an attempt wrote while they were waited for.
 */
function sanctions(db: Database): Pick<Deliveries, "stopSome" | "stopEnded" | "resumeSome"> {
  return {
    stopSome: async ({ participantId, asSource, state, actor, at, limit }) => {
      const from = state === "cancelled" ? [...MOVING, "paused"] : MOVING;
      const { rows } = await sql<{ id: TransferId }>`
        with chosen as (
          select id from transfers where ended_at is null and state = any (${from})
            and (destination_id = ${participantId} or (${asSource} and source_id = ${participantId}))
          order by lease_until is null, id limit ${limit} for update)
        update transfers t set state = ${state}, reason = 'not_accredited', actor = ${actor}, epoch = t.epoch + 1, lease_until = null,
          ended_at = ${state === "cancelled" ? at : null}
        from chosen where t.id = chosen.id returning t.id`.execute(db);
      const event = { kind: state === "cancelled" ? "stopped" : "paused", actor, details: { reason: "not_accredited" } } as const;
      await addEvents(db, rows, at, event);
      return rows.length;
    },
    stopEnded: async ({ participantId, actor, at, limit }) => {
      const { rows } = await sql<{ id: TransferId; switchId: SwitchId | null }>`
        with chosen as (
          select t.id from transfers t join consents c on c.id = t.consent_id
          where t.ended_at is null and t.state = any (${[...MOVING, "paused"]}) and (t.destination_id = ${participantId} or t.source_id = ${participantId})
            and c.state not in ('requested', 'active', 'suspended')
          order by t.lease_until is null, t.id limit ${limit} for update of t)
        update transfers t set state = 'cancelled', reason = 'consent_ended', actor = ${actor}, epoch = t.epoch + 1, lease_until = null, ended_at = ${at}
        from chosen where t.id = chosen.id returning t.id, t.switch_id`.execute(db);
      await addEvents(db, rows, at, { kind: "stopped", actor, details: { reason: "consent_ended" } });
      // A copy that ended without being verified leaves its switch incomplete (core/switch/leave-incomplete.ts).
      const switches = rows.flatMap(({ switchId }) => (switchId === null ? [] : [switchId]));
      await sql`update switches set state = 'incomplete', epoch = epoch + 1 where id = any (${switches}::text[]) and state = 'copying'`.execute(
        db,
      );
      return rows.length;
    },
    resumeSome: async ({ participantId, at, limit }) => {
      const { rows } = await sql<{ id: TransferId; epoch: number }>`
        with chosen as (
          select t.id from transfers t join participants s on s.id = t.source_id join participants d on d.id = t.destination_id
          where t.state = 'paused' and t.reason = 'not_accredited' and (t.source_id = ${participantId} or t.destination_id = ${participantId})
            and d.status = 'accredited' and (s.status = 'accredited' or 'platform' = any (s.roles))
          order by t.due_at, t.id limit ${limit} for update of t),
        placed as (select t.id, row_number() over (order by t.due_at, t.id) as place from chosen join transfers t on t.id = chosen.id)
        -- Whoever waited longer goes first again: those of one step are a microsecond apart.
        update transfers t set state = 'queued', reason = null, actor = null, epoch = t.epoch + 1,
          due_at = ${at}::timestamptz + placed.place * interval '1 microsecond', expires_at = ${sql.raw(PATIENT_ANEW)}
        from placed, consents c where t.id = placed.id and c.id = t.consent_id returning t.id, t.epoch`.execute(db);
      await addEvents(db, rows, at, { kind: "resumed", actor: "operator" });
      return rows.map(({ id, epoch }) => ({ transferId: id, epoch }));
    },
  };
}

/** The same line in the timeline of each of these transfers, whose rows this transaction has locked. */
async function addEvents(db: Database, transfers: { id: TransferId }[], at: Date, { kind, actor, details = {} }: NewEvent): Promise<void> {
  if (transfers.length === 0) return;
  await sql`
    insert into transfer_events (transfer_id, sequence, at, kind, actor, details)
    select t.id, coalesce((select sequence from transfer_events e where e.transfer_id = t.id order by sequence desc limit 1), 0) + 1, ${at}, ${kind}, ${actor}, ${json(details)}
    from unnest(${transfers.map(({ id }) => id)}::text[]) as t (id)`.execute(db);
}

function columnsOf(change: TransferChange) {
  const { release, dueInSeconds, ...columns } = change;
  const due = dueInSeconds === undefined ? {} : { dueAt: sql<Date>`clock_timestamp() + make_interval(secs => ${dueInSeconds})` };
  const ended = change.state !== undefined && isTerminal(change.state) ? { endedAt: new Date() } : {};
  return { ...columns, ...due, ...ended, ...(release || "endedAt" in ended ? { leaseUntil: null } : {}) };
}

type Recording = Pick<Deliveries, "addEvent" | "markItems" | "addDocument">;

function record(db: Database): Recording {
  return {
    addEvent: async (id, at, event) => {
      // The row's lock makes the numbers of events dense: two writers take their turns.
      await db.selectFrom("transfers").select("id").where("id", "=", id).forUpdate().execute();
      await sql`
        insert into transfer_events (transfer_id, sequence, at, kind, actor, details)
        select ${id}, coalesce(max(sequence), 0) + 1, ${at}, ${event.kind}, ${event.actor}, ${json(event.details ?? {})}
        from transfer_events where transfer_id = ${id}`.execute(db);
    },
    markItems: async (id, epoch, marks) => {
      if (!(await holds(db, id, epoch)) && !(await wasStopped(db, id, epoch))) return false;
      await sql`
        insert into transfer_items (transfer_id, dataset, key, media_type, bytes, sha256, state, reason)
        select ${id}, m.dataset, m.key, 'application/octet-stream', m.bytes, m.sha256, m.state, m.reason
        from jsonb_to_recordset(${json(lastOfEach(marks))}::jsonb) as m (dataset text, key text, state text, reason text, bytes bigint, sha256 text)
        on conflict (transfer_id, dataset, key) do update
        set state = excluded.state, reason = excluded.reason,
            bytes = coalesce(excluded.bytes, transfer_items.bytes), sha256 = coalesce(excluded.sha256, transfer_items.sha256)`.execute(db);
      return true;
    },
    addDocument: async (document) => {
      const { transferId, kind, jws } = document;
      const added = await db
        .insertInto("transferDocuments")
        .values(document)
        .onConflict((conflict) => conflict.columns(["transferId", "kind"]).doNothing())
        .executeTakeFirst();
      if (added.numInsertedOrUpdatedRows === 1n) return;
      const known = await db
        .selectFrom("transferDocuments")
        .select("jws")
        .where("transferId", "=", transferId)
        .where("kind", "=", kind)
        .executeTakeFirstOrThrow();
      if (known.jws !== jws) throw new RelaisError("conflict", `This transfer already has another ${kind}.`, { actor: "relais" });
    },
  };
}

/** Nobody claims a stopped transfer: the attempt before its last epoch is the one that was cut off. */
async function wasStopped(db: Database, id: Transfer["id"], epoch: number): Promise<boolean> {
  const found = db
    .selectFrom("transfers")
    .select("id")
    .where("id", "=", id)
    .where("epoch", "=", epoch + 1);
  return (await found.where("state", "in", ["cancelled", "expired"]).executeTakeFirst()) !== undefined;
}

/** Locks the transfer's row for this transaction, so that no other attempt starts before the records of this one are written. */
async function holds(db: Database, id: Transfer["id"], epoch: number): Promise<boolean> {
  return (
    (await db.selectFrom("transfers").select("id").where("id", "=", id).where("epoch", "=", epoch).forUpdate().executeTakeFirst()) !==
    undefined
  );
}
