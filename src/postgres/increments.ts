import { sql } from "kysely";
import type { ConsentId } from "../core/ids.ts";
import type { IncrementsReader, IncrementsWriter, Known, Start } from "../core/transfer/increment-records.ts";
import type { Database } from "./pool.ts";

type StartRow = Omit<Start, "from"> & Start["from"] & { owed: NonNullable<Start["owed"]>; isForgotten: boolean };

export function readIncrements(db: Database): IncrementsReader {
  return {
    starts: async (consentId, { passing, mostOwed }) => {
      // What is said to be gone is not owed any more.
      const { rows } = await sql<StartRow>`
        select p.dataset, p.kind, p.value, p.at, coalesce((
          select jsonb_agg(jsonb_build_object('key', o.key, 'mediaType', o.media_type) order by o.key) from (
            -- A copy comes with its original, which is asked for in its place.
            select i.key, i.media_type from transfer_items i
            where i.transfer_id = p.transfer_id and i.dataset = p.dataset and i.key in (
                select coalesce(l.made_from ->> 'key', l.key) from transfer_items l
                where l.transfer_id = p.transfer_id and l.dataset = p.dataset and l.state = 'omitted' and l.reason = any (${passing}::text[]))
              and not exists (select from transfer_deletions d where d.transfer_id = i.transfer_id and d.dataset = i.dataset and d.key = i.key)
            limit ${mostOwed + 1}) o), '[]') as owed,
          -- Names go by age (retention.ts): what was left behind is no longer known one by one then.
          exists (select from transfer_item_counts c where c.transfer_id = p.transfer_id and c.dataset = p.dataset and c.omitted > 0) as is_forgotten
        from delivery_positions p where p.consent_id = ${consentId}`.execute(db);
      return rows.map(({ kind, value, owed, isForgotten, ...rest }) => ({
        ...rest,
        from: { kind, value },
        owed: isForgotten || owed.length > mostOwed ? null : owed,
      }));
    },
    known: async ({ consentId, dataset }, keys) => {
      // A digest counts where the newest proof names it; what is given, whatever became of the delivery that gave it.
      const { rows } = await sql<Known & { key: string }>`
        select key,
          (array_agg(case when state = 'stored' then sha256 end order by at desc) filter (where is_proved))[1] as sha256,
          coalesce((array_agg(state <> 'gone' order by at desc) filter (where state in ('sent', 'stored', 'gone')))[1], false) as "isGiven"
        from (
          select i.key, i.sha256, i.state, coalesce(t.ended_at, 'infinity') as at, t.state in ('verified', 'partial') as is_proved
          from transfers t join transfer_items i on i.transfer_id = t.id and i.dataset = ${dataset} and i.key = any (${keys}::text[])
          where t.consent_id = ${consentId}
          union all
          select d.key, null, 'gone', coalesce(t.ended_at, 'infinity'), true
          from transfers t join transfer_deletions d on d.transfer_id = t.id and d.dataset = ${dataset} and d.key = any (${keys}::text[])
          where t.consent_id = ${consentId}) known
        group by key`.execute(db);
      const known = new Map(rows.map(({ key, ...one }) => [key, one]));
      const others = keys.filter((key) => !known.has(key));
      if (others.length === 0 || !(await hasForgotten(db, { consentId, dataset }))) return known;
      return new Map([...known, ...others.map((key): [string, Known] => [key, { sha256: null, isGiven: true }])]);
    },
    deletions: (transferId, limit) =>
      db
        .selectFrom("transferDeletions")
        .select(["dataset", "key", "outcome"])
        .where("transferId", "=", transferId)
        .orderBy("dataset")
        .orderBy("key")
        .limit(limit)
        .execute(),
  };
}

/** Names of what was brought have gone by age: any item may have been among them. */
async function hasForgotten(db: Database, { consentId, dataset }: { consentId: ConsentId; dataset: string }): Promise<boolean> {
  const { rows } = await sql`
    select from transfers t join transfer_item_counts c on c.transfer_id = t.id and c.dataset = ${dataset}
    where t.consent_id = ${consentId} limit 1`.execute(db);
  return rows.length > 0;
}

export function writeIncrements(db: Database): IncrementsWriter {
  return {
    ...readIncrements(db),
    forget: async (consentId) => void (await db.deleteFrom("deliveryPositions").where("consentId", "=", consentId).execute()),
  };
}
