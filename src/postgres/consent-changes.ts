import { sql } from "kysely";
import type { Consent } from "../core/consent/consent.ts";
import type { ChangesReader, ChangesWriter, ConsentChange } from "../core/consent/record-change.ts";
import { newestMarks } from "./participants.ts";
import { LOCKS } from "./locks.ts";
import type { Database } from "./pool.ts";

export function readChanges(db: Database): ChangesReader {
  return {
    find: async (id) => (await db.selectFrom("consentChanges").selectAll().where("id", "=", id).executeTakeFirst()) ?? null,
    of: (consentId) => db.selectFrom("consentChanges").selectAll().where("consentId", "=", consentId).orderBy("sequence").execute(),
  };
}

export function writeChanges(db: Database): ChangesWriter {
  return {
    nextToSeal: async (limit) => {
      const changes = await nextOf(db, { lock: LOCKS.consentSealing, waiting: "sealed_at", limit });
      const recorded = await withConsents(db, changes);
      const ends = recorded.flatMap(({ consent: { sourceId, destinationId } }) => [sourceId, destinationId]);
      const marks = await newestMarks(db, [...new Set(ends)]);
      return recorded.map(({ change, consent }) => ({
        change,
        consent,
        marks: { source: marks.get(consent.sourceId) ?? null, destination: marks.get(consent.destinationId) ?? null },
      }));
    },
    seal: async (sealed) => {
      const of = <K extends keyof (typeof sealed)[number]>(name: K) => sealed.map((one) => one[name]);
      await sql`
        update consent_changes c set receipt = s.receipt, log_index = s.log_index, sealed_at = s.at
        from unnest(${of("id")}::text[], ${of("receipt")}::text[], ${of("logIndex")}::bigint[], ${of("at")}::timestamptz[]) s (id, receipt, log_index, at)
        where c.id = s.id and c.sealed_at is null`.execute(db);
    },
    nextToTell: async (limit) => withConsents(db, await nextOf(db, { lock: LOCKS.consentTelling, waiting: "told_at", limit })),
    told: async (ids, at) => void (await db.updateTable("consentChanges").set({ toldAt: at }).where("id", "in", ids).execute()),
  };
}

/** A person waits for what they did; of one consent the earlier change always comes first. */
async function nextOf(
  db: Database,
  { lock, waiting, limit }: { lock: number; waiting: "sealed_at" | "told_at"; limit: number },
): Promise<ConsentChange[]> {
  const column = sql.ref(waiting);
  const { rows } = await sql<{ free: boolean }>`select pg_try_advisory_xact_lock(${lock}) as free`.execute(db);
  if (rows[0]?.free !== true) return [];
  const own = await sql<ConsentChange>`
    select * from consent_changes c where ${column} is null and by = 'person'
      and not exists (select from consent_changes e where e.consent_id = c.consent_id and e.sequence < c.sequence and e.${column} is null and e.by <> 'person')
    order by sequence limit ${limit}`.execute(db);
  if (own.rows.length > 0) return own.rows;
  return (await sql<ConsentChange>`select * from consent_changes where ${column} is null order by sequence limit ${limit}`.execute(db))
    .rows;
}

async function withConsents(db: Database, changes: ConsentChange[]): Promise<{ change: ConsentChange; consent: Consent }[]> {
  if (changes.length === 0) return [];
  const ids = [...new Set(changes.map(({ consentId }) => consentId))];
  const found = await db.selectFrom("consents").selectAll().where("id", "in", ids).execute();
  const consents = new Map(found.map((consent) => [consent.id, consent]));
  return changes.map((change) => ({ change, consent: consents.get(change.consentId) as Consent }));
}
