import { sql } from "kysely";
import type { OfficeMail, OfficeMailWriter } from "../core/person/office-mail.ts";
import type { Database } from "./pool.ts";

/** Nobody's mailbox is filled by people who have much to say. */
const HOURS_BETWEEN = 1;

export function writeOfficeMails(db: Database): OfficeMailWriter {
  return {
    tell: async (participantId) =>
      void (await sql`
        insert into office_mails (participant_id, due_at)
        select ${participantId}, greatest(now(), max(created_at) + make_interval(hours => ${HOURS_BETWEEN}))
        from office_mails where participant_id is not distinct from ${participantId}
        on conflict (coalesce(participant_id, '')) where ended_at is null and attempts = 0 do nothing`.execute(db)),
    claim: async (leaseSeconds) => {
      const { rows } = await sql<OfficeMail>`
        update office_mails set due_at = now() + make_interval(secs => ${leaseSeconds}), attempts = attempts + 1
        where id = (select id from office_mails where ended_at is null and due_at <= now() order by due_at limit 1 for update skip locked)
        returning id, participant_id, created_at, attempts`.execute(db);
      return rows[0] ?? null;
    },
    end: async (id, outcome) =>
      void (await sql`update office_mails set ended_at = now(), outcome = ${outcome} where id = ${id} and ended_at is null`.execute(db)),
    postpone: async (id, { seconds, because, giveUpHours }) =>
      void (await sql`
        update office_mails m set last_failure = ${because}, due_at = now() + make_interval(secs => ${seconds}),
          ended_at = case when late then now() end, outcome = case when late then 'given_up' end
        from (select id, created_at + make_interval(hours => ${giveUpHours}) <= now() as late from office_mails where id = ${id}) one
        where m.id = one.id and m.ended_at is null`.execute(db)),
  };
}
