import { sql } from "kysely";
import type { ApplicationId } from "../core/register/application.ts";
import { REMINDERS, type Occasion, type Reminder, type RemindersReader, type RemindersWriter } from "../core/register/reminder.ts";
import type { Database } from "./pool.ts";

const { ends_in_60_days, ends_in_30_days, ends_in_7_days, criterion_due, changes_waiting } = REMINDERS;
const GIVEN = sql`('accredited', 'suspended', 'reinstated')`;

export function readReminders(db: Database): RemindersReader {
  return {
    occasions: async ({ now, reviewDays, limit }) => {
      const before = (days: number) => new Date(now.getTime() - days * 86_400_000);
      const within = (days: number) => before(-days);
      const { rows } = await sql<Occasion>`
        with occasions as (
          select participant_id, id as application_id, '' as subject, until as occasion_at,
            case when until <= ${within(ends_in_7_days.days)} then 'ends_in_7_days' when until <= ${within(ends_in_30_days.days)} then 'ends_in_30_days'
              else 'ends_in_60_days' end as kind
          from applications where state in ${GIVEN} and until > ${now} and until <= ${within(ends_in_60_days.days)}
          union all
          -- A failure that is only to be confirmed (minutes) is nothing to be reminded of.
          select a.participant_id, a.id, r.criterion, r.due_at, 'criterion_due'
          from applications a join criterion_results r on r.application_id = a.id and r.round = a.round
          where a.state in ('accredited', 'reinstated') and r.outcome <> 'met' and r.due_at > ${now} and r.due_at <= ${within(criterion_due.days)}
            and r.due_at > r.checked_at + interval '1 hour'
          union all
          select participant_id, id, '', changed_at, 'changes_waiting' from applications
          where state = 'changes_requested' and changed_at <= ${before(changes_waiting.days)}
          union all
          select participant_id, id, '', changed_at, 'review_waiting' from applications
          where state = 'in_review' and changed_at <= ${before(reviewDays)})
        select * from occasions o
        where not exists (select from reminders r
          where r.application_id = o.application_id and r.kind = o.kind and r.subject = o.subject and r.occasion_at = o.occasion_at)
        order by occasion_at, application_id limit ${limit}`.execute(db);
      return rows;
    },
    of: async (participantId) => {
      const { rows } = await sql<Reminder>`
        select r.* from reminders r join applications a on a.id = r.application_id
        where r.participant_id = ${participantId} and case r.kind
          when 'criterion_due' then a.state in ('accredited', 'reinstated') and exists (select from criterion_results c
            where c.application_id = a.id and c.round = a.round and c.criterion = r.subject and c.outcome <> 'met' and c.due_at = r.occasion_at)
          when 'changes_waiting' then a.state = 'changes_requested' and a.changed_at = r.occasion_at
          when 'review_waiting' then a.state = 'in_review' and a.changed_at = r.occasion_at
          else a.state in ${GIVEN} and a.until = r.occasion_at end
        order by r.created_at desc`.execute(db);
      return rows;
    },
    waitingForReview: async () => {
      const { rows } = await sql<{ id: ApplicationId }>`
        select a.id from applications a join reminders r on r.application_id = a.id
        where a.state = 'in_review' and r.kind = 'review_waiting' and r.occasion_at = a.changed_at`.execute(db);
      return rows.map(({ id }) => id);
    },
  };
}

export function writeReminders(db: Database): RemindersWriter {
  return {
    add: async (reminder) => {
      const added = await db
        .insertInto("reminders")
        .values(reminder)
        .onConflict((conflict) => conflict.columns(["applicationId", "kind", "subject", "occasionAt"]).doNothing())
        .executeTakeFirst();
      return added.numInsertedOrUpdatedRows === 1n;
    },
  };
}
