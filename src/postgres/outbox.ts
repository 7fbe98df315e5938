import { sql } from "kysely";
import type { DueNotice, Notice, OutboxReader, OutboxWriter } from "../core/events/outbox.ts";
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
    about: (id, limit) =>
      db
        .selectFrom("notices")
        .innerJoin("participants", "participants.id", "notices.recipientId")
        .selectAll("notices")
        .select("participants.name as recipientName")
        .where("aboutId", "=", id)
        .orderBy("createdAt", "desc")
        .orderBy("participants.name")
        .limit(limit)
        .execute(),
    pending: async (recipientId, limit) =>
      withPeople(
        db,
        await db
          .selectFrom("notices")
          .selectAll()
          .where("recipientId", "=", recipientId)
          .where("acknowledgedAt", "is", null)
          .orderBy("createdAt")
          .orderBy("id")
          .limit(limit)
          .execute(),
      ),
  };
}

async function withPeople(db: Database, notices: Notice[]): Promise<DueNotice[]> {
  if (notices.length === 0) return [];
  const ids = [...new Set(notices.flatMap(({ recipientId, aboutId }) => [recipientId, aboutId]))];
  const found = await db.selectFrom("participants").selectAll().where("id", "in", ids).execute();
  const people = new Map<string, Participant>(found.map((participant) => [participant.id, participant]));
  return notices.flatMap((notice) => {
    const [recipient, about] = [people.get(notice.recipientId), people.get(notice.aboutId)];
    return recipient && about ? [{ notice, recipient, about: about.entityId }] : [];
  });
}

export function writeOutbox(db: Database): OutboxWriter {
  return { ...writeNotices(db), ...writeOutcomes(db) };
}

function writeNotices(db: Database): Pick<OutboxWriter, "tell" | "claimDue"> {
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
    claimDue: async ({ limit, leaseSeconds, except }) => {
      const { rows } = await sql<{ id: Notice["id"] }>`
        update notices set due_at = now() + make_interval(secs => ${leaseSeconds}), attempts = attempts + 1
        where id in (
          select n.id from notices n
          where n.due_at <= now() and n.acknowledged_at is null and n.given_up_at is null and n.recipient_id <> all (${[...except]}::text[])
            and exists (select 1 from participants p where p.id = n.recipient_id and p.endpoints ? 'events')
            and not exists (select 1 from notices e where e.recipient_id = n.recipient_id and e.acknowledged_at is null and e.given_up_at is null
              and (e.created_at, e.id) < (n.created_at, n.id))
          order by n.due_at limit ${limit} for update of n skip locked)
        returning id`.execute(db);
      if (rows.length === 0) return [];
      const ids = rows.map(({ id }) => id);
      return withPeople(db, await db.selectFrom("notices").selectAll().where("id", "in", ids).execute());
    },
  };
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
