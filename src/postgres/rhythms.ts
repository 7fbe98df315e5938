import { sql } from "kysely";
import type { RhythmsReader, RhythmsWriter } from "../core/transfer/rhythm.ts";
import { givenOf, groupAlike, toldOf, transfersOf } from "./alike.ts";
import type { Database } from "./pool.ts";

export function readRhythms(db: Database): RhythmsReader {
  return {
    nextDue: async (id) => {
      const row = await db.selectFrom("rhythms").select("dueAt").where("consentId", "=", id).executeTakeFirst();
      return row?.dueAt ?? null;
    },
  };
}

export function writeRhythms(db: Database): RhythmsWriter {
  return {
    ...readRhythms(db),
    // The consent's row is what a single request locks too: nobody accepts beside it.
    takeDue: (now, limit) =>
      groupAlike(
        db,
        sql`chosen as materialized (
          select r.consent_id, r.terms from rhythms r join consents c on c.id = r.consent_id
          where r.due_at <= ${now} order by r.due_at, r.consent_id limit ${limit} for no key update of r, c skip locked)`,
        now,
      ),
    acceptDue: async (acceptance) => {
      const { at } = acceptance;
      const { rows } = await sql<{ count: number }>`
        with ${givenOf(acceptance)},
        due as materialized (
          select given.id, r.consent_id, r.anchor, r.every,
            case when r.anchor + (r.period + 1) * r.every > ${at} then r.period else period_at(r.anchor, r.every, ${at}) end as period
          from given join rhythms r using (consent_id)),
        added as (
          ${transfersOf(acceptance, sql`g.period`)}
          from due g join consents c on c.id = g.consent_id
          where not exists (
            select from transfers t where t.consent_id = g.consent_id
              and (t.ended_at is null or (t.state in ('verified', 'partial') and t.created_at > ${at}::timestamptz - g.every / 2)))
          on conflict (consent_id, period) do nothing returning id, datasets),
        ${toldOf(acceptance)},
        moved as (
          update rhythms r set period = due.period + 1, due_at = due.anchor + (due.period + 1) * due.every
          from due where r.consent_id = due.consent_id)
        select count(*)::int as count from added`.execute(db);
      return rows[0]?.count ?? 0;
    },
    postpone: async (ids, until) => {
      await sql`update rhythms set due_at = ${until} where consent_id = any (${ids}::text[])`.execute(db);
    },
  };
}
