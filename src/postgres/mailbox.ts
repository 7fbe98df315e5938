import { sql } from "kysely";
import { RelaisError } from "../core/errors.ts";
import type { MailboxReader, MailboxWriter } from "../core/mailbox/mailbox.ts";
import type { ParticipantId, TransferId } from "../core/ids.ts";
import { LOCKS_OF } from "./locks.ts";
import type { Database } from "./pool.ts";
import { NOW } from "./transfers.ts";

export function readMailbox(db: Database): MailboxReader {
  const deliveries = db.selectFrom("mailboxDeliveries").selectAll();
  const packages = db.selectFrom("mailboxPackages").selectAll();
  return {
    find: async (transferId) => (await deliveries.where("transferId", "=", transferId).executeTakeFirst()) ?? null,
    list: (platformId, { after, limit }) => {
      const own = deliveries.where("platformId", "=", platformId).where("offeredAt", "is not", null);
      return (after === null ? own : own.where("transferId", ">", after)).orderBy("transferId").limit(limit).execute();
    },
    packages: (transferId, { after, limit }) => {
      const own = packages.where("transferId", "=", transferId);
      return (after === null ? own : own.where("id", ">", after)).orderBy("id").limit(limit).execute();
    },
    findPackage: async (transferId, { dataset, key }) =>
      (await packages.where("transferId", "=", transferId).where("dataset", "=", dataset).where("key", "=", key).executeTakeFirst()) ??
      null,
    findById: async (transferId, id) =>
      (await packages.where("transferId", "=", transferId).where("id", "=", id).executeTakeFirst()) ?? null,
    count: (transferId) => countOf(db, transferId),
    overdue: (limit) =>
      idsOf(
        sql<{ id: TransferId }>`
        select d.transfer_id as id from mailbox_deliveries d join transfers t on t.id = d.transfer_id
        where d.closed_at is null and d.receipt is null and d.expires_at <= ${NOW} and t.state = 'delivered'
        order by d.expires_at limit ${limit}`.execute(db),
      ),
    ended: (limit) =>
      idsOf(
        sql<{ id: TransferId }>`
        select d.transfer_id as id from mailbox_deliveries d join transfers t on t.id = d.transfer_id
        where d.closed_at is null and t.ended_at is not null order by t.ended_at limit ${limit}`.execute(db),
      ),
    known: async (ids) => {
      const { rows } = await sql<{ id: string }>`select id from mailbox_packages where id = any (${[...ids]}::text[])`.execute(db);
      return new Set(rows.map(({ id }) => id));
    },
  };
}

async function idsOf(found: Promise<{ rows: { id: TransferId }[] }>): Promise<TransferId[]> {
  return (await found).rows.map(({ id }) => id);
}

async function countOf(db: Database, transferId: TransferId): Promise<{ packages: number; bytes: number }> {
  const { rows } = await sql<{ packages: number; bytes: number }>`
    select count(*)::int as packages, coalesce(sum(bytes), 0)::bigint as bytes from mailbox_packages where transfer_id = ${transferId}`.execute(
    db,
  );
  return { packages: rows[0]?.packages ?? 0, bytes: rows[0]?.bytes ?? 0 };
}

export function writeMailbox(db: Database): MailboxWriter {
  return {
    open: async (delivery) => {
      await db
        .insertInto("mailboxDeliveries")
        .values({ ...delivery, offeredAt: null, expiresAt: null, receipt: null, closedAt: null })
        .onConflict((conflict) => conflict.column("transferId").doNothing())
        .execute();
    },
    add: async (added, platform) => {
      await refuseMore(db, platform, added.bytes);
      const replaced = await db
        .deleteFrom("mailboxPackages")
        .where("transferId", "=", added.transferId)
        .where("dataset", "=", added.dataset)
        .where("key", "=", added.key)
        .returning(["id", "bytes"])
        .executeTakeFirst();
      await db.insertInto("mailboxPackages").values(added).execute();
      await db
        .updateTable("mailboxDeliveries")
        .set((row) => ({ bytes: row("bytes", "+", added.bytes - (replaced?.bytes ?? 0)) }))
        .where("transferId", "=", added.transferId)
        .execute();
      return replaced?.id ?? null;
    },
    offer: async (transferId, { at, expiresAt }) => {
      const offered = await db
        .updateTable("mailboxDeliveries")
        .set({ offeredAt: at, expiresAt })
        .where("transferId", "=", transferId)
        .where("offeredAt", "is", null)
        .executeTakeFirst();
      return offered.numUpdatedRows === 1n;
    },
    fetched: async (id, at) => {
      await db.updateTable("mailboxPackages").set({ fetchedAt: at }).where("id", "=", id).where("fetchedAt", "is", null).execute();
    },
    acknowledge: async (transferId, receipt) => {
      const taken = await db
        .updateTable("mailboxDeliveries")
        .set({ receipt })
        .where("transferId", "=", transferId)
        .where("receipt", "is", null)
        .executeTakeFirst();
      return taken.numUpdatedRows === 1n;
    },
    close: async (transferId, at) => {
      await db.deleteFrom("mailboxPackages").where("transferId", "=", transferId).execute();
      await db.updateTable("mailboxDeliveries").set({ closedAt: at, bytes: 0 }).where("transferId", "=", transferId).execute();
    },
    forget: async (before) => {
      await db.deleteFrom("mailboxDeliveries").where("closedAt", "<", before).execute();
    },
  };
}

async function refuseMore(db: Database, platform: { id: ParticipantId; platformBytes: number }, bytes: number): Promise<void> {
  await sql`select pg_advisory_xact_lock(${LOCKS_OF.mailboxQuota}, hashtext(${platform.id}))`.execute(db);
  const { rows } = await sql<{ waiting: number | null }>`
    select sum(bytes)::bigint as waiting from mailbox_deliveries where platform_id = ${platform.id} and closed_at is null`.execute(db);
  if ((rows[0]?.waiting ?? 0) + bytes <= platform.platformBytes) return;
  throw new RelaisError("peer_unavailable", "Too much waits for this platform already. It must fetch and acknowledge what is there.", {
    details: { fits: platform.platformBytes },
  });
}
