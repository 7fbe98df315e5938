import { sql } from "kysely";
import type { PersonNotice, PersonNoticesReader, PersonNoticesWriter } from "../core/person/person-notice.ts";
import type { Database } from "./pool.ts";

export function readPersonNotices(db: Database): PersonNoticesReader {
  return {
    unread: async (personId) => {
      const { rows } = await sql<PersonNotice>`
        select * from (select distinct on (participant_id) * from person_notices where person_id = ${personId}
          order by participant_id, at desc, decision_id) newest
        where read_at is null order by at desc`.execute(db);
      return rows;
    },
    waiting: async () => {
      const { count } = await db
        .selectFrom("announcements")
        .select((e) => e.fn.countAll<string>().as("count"))
        .where("toldAt", "is", null)
        .executeTakeFirstOrThrow();
      return Number(count);
    },
  };
}

export function writePersonNotices(db: Database): PersonNoticesWriter {
  return {
    announce: async ({ isSettled, ...announcement }) =>
      void (await db
        .insertInto("announcements")
        .values({ ...announcement, toldAt: null, settledAt: isSettled ? announcement.at : null })
        .execute()),
    nextUnsettled: async () =>
      (await db
        .selectFrom("announcements")
        .select(["decisionId", "participantId"])
        .where("settledAt", "is", null)
        .orderBy("at")
        .limit(1)
        .forUpdate()
        .skipLocked()
        .executeTakeFirst()) ?? null,
    settle: async (decisionId, at) =>
      void (await db.updateTable("announcements").set({ settledAt: at }).where("decisionId", "=", decisionId).execute()),
    tellNext: async (at) => {
      // Live at that moment: what the decision itself ended bears its very time. Every transfer has its permission.
      const end = (column: "destination_id" | "source_id") => sql`
          select c.person_id from due d join consents c on c.${sql.ref(column)} = d.participant_id
          where c.decided_at <= d.at and c.state <> 'refused' and (
            (c.expires_at > d.at and (c.ended_at is null or c.ended_at >= d.at))
            or exists (select from transfers t where t.consent_id = c.id and t.created_at <= d.at and (t.ended_at is null or t.ended_at >= d.at)))`;
      const { rows } = await sql<{ due: number; told: number }>`
        with due as (
          select decision_id, participant_id, kind, at from announcements where told_at is null order by at limit 1 for update skip locked),
        concerned as (${end("destination_id")} union ${end("source_id")}),
        told as (
          insert into person_notices (person_id, decision_id, participant_id, kind, at)
          select c.person_id, d.decision_id, d.participant_id, d.kind, d.at from concerned c cross join due d
          on conflict (person_id, decision_id) do nothing returning person_id),
        mailed as (
          insert into mails (person_id, kind, about, occasion, lane)
          select a.person_id, 'standing', d.participant_id, d.decision_id, 1 from told join mail_recipients a using (person_id) cross join due d
          on conflict (person_id, kind, occasion) do nothing),
        done as (update announcements a set told_at = ${at} from due where a.decision_id = due.decision_id)
        select (select count(*)::int from due) as due, (select count(*)::int from told) as told`.execute(db);
      const [{ due, told } = { due: 0, told: 0 }] = rows;
      return due === 0 ? null : { told };
    },
    markRead: async (personId, decisionId, at) => {
      const { rows } = await sql`
        with this as (select participant_id, at from person_notices where person_id = ${personId} and decision_id = ${decisionId}),
        marked as (
          update person_notices n set read_at = ${at} from this
          where n.person_id = ${personId} and n.participant_id = this.participant_id and n.at <= this.at and n.read_at is null)
        select from this`.execute(db);
      return rows.length > 0;
    },
  };
}
