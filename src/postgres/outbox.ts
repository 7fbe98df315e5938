import { sql } from "kysely";
import type { DueNotice, Lane, Notice, OutboxReader, OutboxWriter, ToldOfConsent } from "../core/events/outbox.ts";
import { newId } from "../core/ids.ts";
import type { Participant } from "../core/register/participant.ts";
import type { Database } from "./pool.ts";
import { json } from "./rows.ts";

export function readOutbox(db: Database): OutboxReader {
  return {
    waiting: async () => {
      const { count } = await db
        .selectFrom("notices")
        .select((e) => e.fn.countAll<string>().as("count"))
        .where("acknowledgedAt", "is", null)
        .where("givenUpAt", "is", null)
        .executeTakeFirstOrThrow();
      return Number(count);
    },
    about: async (id, limit) => {
      const told = await db
        .selectFrom("notices")
        .innerJoin("participants", "participants.id", "notices.recipientId")
        .selectAll("notices")
        .select("participants.name as recipientName")
        .where("aboutId", "=", id)
        .orderBy("createdAt", "desc")
        .orderBy("participants.name")
        .limit(limit)
        .execute();
      return told as Awaited<ReturnType<OutboxReader["about"]>>;
    },
    ofConsent: async (id) => {
      const told = await db
        .selectFrom("notices")
        .select(["recipientId", "type", "details", "createdAt", "acknowledgedAt", "givenUpAt"])
        .where("consentId", "=", id)
        .orderBy("sequence")
        .execute();
      return told as ToldOfConsent[];
    },
    pending: async (recipientId, limit) =>
      withPeople(
        db,
        await db
          .selectFrom("notices")
          .selectAll()
          .where("recipientId", "=", recipientId)
          .where("acknowledgedAt", "is", null)
          .orderBy("lane")
          .orderBy("sequence")
          .limit(limit)
          .execute(),
      ),
  };
}

async function withPeople(db: Database, notices: Notice[]): Promise<DueNotice[]> {
  if (notices.length === 0) return [];
  const ids = [...new Set(notices.flatMap(({ recipientId, aboutId }) => (aboutId === null ? [recipientId] : [recipientId, aboutId])))];
  const found = await db.selectFrom("participants").selectAll().where("id", "in", ids).execute();
  const people = new Map<string, Participant>(found.map((participant) => [participant.id, participant]));
  return notices.map((notice) => {
    const recipient = people.get(notice.recipientId) as Participant;
    return { notice, recipient, about: notice.aboutId && (people.get(notice.aboutId) as Participant).entityId };
  });
}

export function writeOutbox(db: Database): OutboxWriter {
  return { ...writeNotices(db), ...writeOutcomes(db) };
}

function writeNotices(db: Database): Pick<OutboxWriter, "tell" | "tellOfConsents" | "claimDue"> {
  return {
    tell: async ({ type, about, at, details }, recipients) => {
      const rows = recipients.map((recipientId) => ({
        id: newId("event"),
        recipientId,
        aboutId: about,
        type,
        details: json(details),
        createdAt: at,
        dueAt: at,
      }));
      // PostgreSQL takes 65 535 parameters in one statement.
      for (let from = 0; from < rows.length; from += 5000)
        await db
          .insertInto("notices")
          .values(rows.slice(from, from + 5000))
          .execute();
    },
    tellOfConsents: async (notices) => {
      const rows = notices.map(({ isBulk, details, at, ...notice }) => ({
        ...notice,
        id: newId("event"),
        details,
        created_at: at,
        lane: isBulk ? 1 : 0,
      }));
      // What is told of one consent stays in one order: behind what of it still waits in the other lane.
      await sql`
        insert into notices (id, recipient_id, consent_id, subject, type, details, created_at, due_at, lane)
        select n.id, n."recipientId", n."consentId", n.subject, n.type, n.details, n.created_at, n.created_at,
          greatest(n.lane, (select max(e.lane) from notices e where e.consent_id = n."consentId" and e.recipient_id = n."recipientId"
            and e.acknowledged_at is null and e.given_up_at is null))
        from rows from (jsonb_to_recordset(${json(rows)}::jsonb) as (id text, "recipientId" text, "consentId" text, subject text, type text, details jsonb,
          created_at timestamptz, lane smallint)) with ordinality n
        where exists (select from participants p where p.id = n."recipientId" and (p.endpoints ? 'events' or jsonb_array_length(p.keys) > 0))
        order by n.ordinality`.execute(db);
    },
    claimDue: async ({ limit, leaseSeconds, except, only }) => {
      const { rows } = await sql<{ id: Notice["id"] }>`
        with recursive ${only === undefined ? EVERY_LANE : oneLane(only)},
        heads as (select h.* from lanes cross join lateral (
          select id, due_at, recipient_id, lane from notices n where n.recipient_id = lanes.recipient_id and n.lane = lanes.lane and ${WAITING}
          order by sequence limit 1) h),
        chosen as materialized (
          select n.id from notices n
          where n.id in (select id from heads where due_at <= now() and recipient_id || '/' || lane <> all (${[...except]}::text[]))
            and n.due_at <= now() and ${WAITING} and exists (select from participants p where p.id = n.recipient_id and p.endpoints ? 'events')
            and not exists (select from notices e where e.consent_id = n.consent_id and e.recipient_id = n.recipient_id and e.sequence < n.sequence
              and e.acknowledged_at is null and e.given_up_at is null)
          order by n.due_at limit ${limit} for update of n skip locked)
        update notices set due_at = now() + make_interval(secs => ${leaseSeconds}), attempts = attempts + 1 where id in (select id from chosen)
        returning id`.execute(db);
      if (rows.length === 0) return [];
      const ids = rows.map(({ id }) => id);
      return withPeople(db, await db.selectFrom("notices").selectAll().where("id", "in", ids).execute());
    },
  };
}

const WAITING = sql`n.acknowledged_at is null and n.given_up_at is null`;

/** From one to the next by the index: as many steps as there are lanes, however much waits in each. */
const EVERY_LANE = sql`lanes as (
  (select recipient_id, lane from notices n where ${WAITING} order by recipient_id, lane limit 1)
  union all
  select further.* from lanes cross join lateral (
    select recipient_id, lane from notices n where ${WAITING} and (n.recipient_id, n.lane) > (lanes.recipient_id, lanes.lane)
    order by recipient_id, lane limit 1) further)`;

function oneLane(only: Lane) {
  const [recipient, lane] = only.split("/");
  return sql`lanes as (select ${recipient}::text as recipient_id, ${Number(lane)}::smallint as lane)`;
}

function writeOutcomes(db: Database): Pick<OutboxWriter, "acknowledge" | "fail" | "retry"> {
  return {
    acknowledge: async (recipientId, ids, at) => {
      if (ids.length === 0) return 0;
      const done = await db
        .updateTable("notices")
        .set({ acknowledgedAt: at, lastFailure: null })
        .where("recipientId", "=", recipientId)
        .where("id", "in", ids as Notice["id"][])
        .where("acknowledgedAt", "is", null)
        .executeTakeFirst();
      return Number(done.numUpdatedRows);
    },
    fail: async (id, { at, reason, dueAt, giveUp }) =>
      void (await db
        .updateTable("notices")
        .set({ lastFailure: reason, dueAt, ...(giveUp ? { givenUpAt: at } : {}) })
        .where("id", "=", id)
        .where("acknowledgedAt", "is", null)
        .execute()),
    retry: async (id, at) => {
      const again = await db
        .updateTable("notices")
        .set({ givenUpAt: null, dueAt: at })
        .where("id", "=", id)
        .where("givenUpAt", "is not", null)
        .executeTakeFirst();
      return again.numUpdatedRows === 1n;
    },
  };
}
