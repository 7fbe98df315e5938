import { sql } from "kysely";
import type { Reader } from "../core/ports.ts";
import type { Overdue, Progress } from "../core/transfer/transfer.ts";
import type { Database } from "./pool.ts";
import { found } from "./rows.ts";

/** The database's clock: the only one that leases are measured by. */
export const NOW = sql<Date>`clock_timestamp()`;

export function readTransfers(db: Database): Reader["transfers"] {
  const all = db.selectFrom("transfers").selectAll();
  return {
    get: async (id) => found(await all.where("id", "=", id).executeTakeFirst(), "transfer"),
    list: (personId) => all.where("personId", "=", personId).orderBy("createdAt", "desc").execute(),
    events: (id) => db.selectFrom("transferEvents").selectAll().where("transferId", "=", id).orderBy("sequence").execute(),
    progress: (id) => progressOf(db, id),
    items: (id, options) => {
      let query = db.selectFrom("transferItems").selectAll().where("transferId", "=", id);
      if (options.state !== undefined) query = query.where("state", "=", options.state);
      if (options.after) query = query.where(sql<boolean>`(dataset, key) > (${options.after.dataset}, ${options.after.key})`);
      return query.orderBy("dataset").orderBy("key").limit(options.limit).execute();
    },
    documents: (id) => db.selectFrom("transferDocuments").selectAll().where("transferId", "=", id).orderBy("createdAt").execute(),
    due: (limit) =>
      db
        .selectFrom("transfers")
        .select(["id", "epoch", "state"])
        .where("state", "in", ["scheduled", "queued", "fetching", "delivering", "delivered", "received"])
        .where("dueAt", "<=", NOW)
        .where((row) => row.or([row("leaseUntil", "is", null), row("leaseUntil", "<", NOW)]))
        .orderBy("dueAt")
        .limit(limit)
        .execute(),
    paused: ({ reason, after, limit }) =>
      (after === undefined ? all : all.where("id", ">", after))
        .where("state", "=", "paused")
        .where("reason", "=", reason)
        .orderBy("id")
        .limit(limit)
        .execute(),
    overdue: (limit) => overdue(db, limit),
  };
}

/** Whatever waits behind a breaker is not answered either: that is no waiting for a turn. */
async function overdue(db: Database, limit: number): Promise<Overdue[]> {
  const { rows } = await sql<Overdue>`
    select t.id, case when c.expires_at <= ${NOW} then 'consent_ended' else 'patience_over' end as because
    from transfers t join consents c on c.id = t.consent_id
    where t.ended_at is null and t.expires_at <= ${NOW} and t.state <> 'received' and (c.expires_at <= ${NOW} or (
      t.state <> 'paused' and (t.lease_until is null or t.lease_until < ${NOW})
      and (t.due_at > ${NOW} or exists (select from participant_health h where h.participant_id in (t.source_id, t.destination_id) and h.opened_until is not null))
      and not exists (select from dispatch_pauses p where p.participant_id in (t.source_id, t.destination_id) and (p.dataset = '*' or p.dataset = any (t.datasets)))))
    limit ${limit}`.execute(db);
  return rows;
}

/** Counts by data set, of rows and of what rows said that are gone; copies are not counted. `stored` is what a verified receipt names; `verified` equals it once the digests were compared. */
async function progressOf(db: Database, id: string): Promise<Progress[]> {
  const { rows } = await sql<Progress>`
    select d.dataset as "dataset",
           coalesce(e.items, coalesce(g.items, 0) + count(i.key))::int as "expected",
           (coalesce(g.sent, 0) + count(i.key) filter (where i.state in ('sent', 'stored')))::int as "sent",
           (coalesce(g.stored, 0) + count(i.key) filter (where i.state = 'stored'))::int as "stored",
           (coalesce(g.verified, 0) + count(i.key) filter (where i.state = 'stored' and i.sha256 is not null))::int as "verified",
           (coalesce(g.omitted, 0) + count(i.key) filter (where i.state = 'omitted'))::int as "omitted",
           (coalesce(g.bytes, 0) + coalesce(sum(i.bytes) filter (where i.state in ('sent', 'stored')), 0))::float8 as "bytes"
    from (select unnest(datasets) as dataset from transfers where id = ${id}) d
    left join transfer_expected e on e.transfer_id = ${id} and e.dataset = d.dataset
    left join transfer_items i on i.transfer_id = ${id} and i.dataset = d.dataset and i.made_from is null
    left join transfer_item_counts g on g.transfer_id = ${id} and g.dataset = d.dataset
    group by d.dataset, e.items, g.transfer_id, g.dataset
    order by d.dataset`.execute(db);
  return rows;
}
