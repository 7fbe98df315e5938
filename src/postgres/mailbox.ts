import { sql, type RawBuilder } from "kysely";
import { RelaisError } from "../core/errors.ts";
import type { MailboxReader, MailboxWriter, ToldDelivery } from "../core/mailbox/mailbox.ts";
import { mustFit } from "../core/mailbox/quota.ts";
import type { TransferId } from "../core/ids.ts";
import type { Database } from "./pool.ts";
import { NOW } from "./transfers.ts";

export function readMailbox(db: Database): MailboxReader {
  const deliveries = db.selectFrom("mailboxDeliveries").selectAll();
  const packages = db.selectFrom("mailboxPackages").selectAll();
  return {
    find: async (transferId) => (await deliveries.where("transferId", "=", transferId).executeTakeFirst()) ?? null,
    findTold: async (platformId, transferId) =>
      (
        await sql<ToldDelivery>`${TOLD} where d.platform_id = ${platformId} and d.offered_at is not null and d.transfer_id = ${transferId}`.execute(
          db,
        )
      ).rows[0] ?? null,
    list: async (platformId, { after, limit, state }) => {
      const waiting = state === "waiting" ? WAITING : sql``;
      const behind = after === null ? sql`` : sql`and d.transfer_id > ${after}`;
      const page = sql<ToldDelivery>`
        ${TOLD} where d.platform_id = ${platformId} and d.offered_at is not null ${waiting} ${behind} order by d.transfer_id limit ${limit}`;
      return (await page.execute(db)).rows;
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
    waitingFor: async (platformId) => {
      const { rows } = await sql<{ bytes: number }>`select bytes from mailbox_platforms where platform_id = ${platformId}`.execute(db);
      return rows[0]?.bytes ?? 0;
    },
    overdue: (page) => idsOf(db, sql`d.receipt is null and d.expires_at <= ${NOW} and t.state = 'delivered'`, page),
    ended: (page) => idsOf(db, sql`t.ended_at is not null`, page),
    known: async (ids) => {
      const { rows } = await sql<{ id: string }>`select id from mailbox_packages where id = any (${[...ids]}::text[])`.execute(db);
      return new Set(rows.map(({ id }) => id));
    },
  };
}

/** As its platform is told of it: without the receipt, which may be long. */
const TOLD = sql`
  select d.transfer_id, d.platform_id, d.subject, d.created_at, d.offered_at, d.expires_at, d.closed_at, d.packages, d.bytes,
    d.receipt is not null as is_acknowledged, t.state as transfer_state, t.consent_id, s.entity_id as source
  from mailbox_deliveries d join transfers t on t.id = d.transfer_id join participants s on s.id = t.source_id`;
const WAITING = sql`and d.receipt is null and d.closed_at is null and t.state = 'delivered'`;

type Page = Parameters<MailboxReader["overdue"]>[0];

async function idsOf(db: Database, condition: RawBuilder<unknown>, { after, limit }: Page): Promise<TransferId[]> {
  const behind = after === null ? sql`` : sql`and d.transfer_id > ${after}`;
  const { rows } = await sql<{ id: TransferId }>`
    select d.transfer_id as id from mailbox_deliveries d join transfers t on t.id = d.transfer_id
    where d.closed_at is null and ${condition} ${behind} order by d.transfer_id limit ${limit}`.execute(db);
  return rows.map(({ id }) => id);
}

export function writeMailbox(db: Database): MailboxWriter {
  return { ...filling(db), ...fetching(db), ...ending(db) };
}

function filling(db: Database): Pick<MailboxWriter, "open" | "add" | "offer"> {
  return {
    open: async (delivery) => {
      await db
        .insertInto("mailboxDeliveries")
        .values({ ...delivery, offeredAt: null, expiresAt: null, receipt: null, closedAt: null })
        .onConflict((conflict) => conflict.column("transferId").doNothing())
        .execute();
    },
    add: async (added, by) => {
      await mustBeOpen(db, added.transferId, by.epoch);
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
        .set((row) => ({
          bytes: row("bytes", "+", added.bytes - (replaced?.bytes ?? 0)),
          packages: row("packages", "+", replaced === undefined ? 1 : 0),
        }))
        .where("transferId", "=", added.transferId)
        .execute();
      // That changed what waits for the platform, and locked its row: the next one that adds to it counts this one.
      mustFit(await readMailbox(db).waitingFor(by.platformId), by.platformBytes);
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
  };
}

function fetching(db: Database): Pick<MailboxWriter, "begin" | "handedOn" | "hold" | "acknowledge"> {
  return {
    begin: async (id, at) => {
      const begun = await sql`update mailbox_packages set begun_at = coalesce(begun_at, ${at}) where id = ${id}`.execute(db);
      return begun.numAffectedRows === 1n;
    },
    handedOn: async (id, { start, end }, at) => {
      await sql`
        update mailbox_packages set handed_bytes = greatest(handed_bytes, ${end}::bigint),
          fetched_at = case when ${end}::bigint >= bytes then coalesce(fetched_at, ${at}::timestamptz) else fetched_at end
        where id = ${id} and handed_bytes >= ${start}::bigint`.execute(db);
    },
    hold: (ids) =>
      db
        .selectFrom("mailboxPackages")
        .selectAll()
        .where("id", "in", [...ids])
        .orderBy("id")
        .forUpdate()
        .execute(),
    acknowledge: async (transferId, receipt) => {
      const taken = await db
        .updateTable("mailboxDeliveries")
        .set({ receipt })
        .where("transferId", "=", transferId)
        .where("receipt", "is", null)
        .executeTakeFirst();
      return taken.numUpdatedRows === 1n;
    },
  };
}

function ending(db: Database): Pick<MailboxWriter, "close"> {
  return {
    close: async (transferId, at) => {
      // The row first: what is being added is then listed before, and forgotten with the rest, or not at all.
      await db.updateTable("mailboxDeliveries").set({ closedAt: at, bytes: 0, packages: 0 }).where("transferId", "=", transferId).execute();
      await db.deleteFrom("mailboxPackages").where("transferId", "=", transferId).execute();
    },
  };
}

/** Locks the delivery for this transaction: nothing is added behind its offer or its end, and two that add to it take their turns. */
async function mustBeOpen(db: Database, transferId: TransferId, epoch: number): Promise<void> {
  const delivery = db.selectFrom("mailboxDeliveries").select("transferId").where("transferId", "=", transferId);
  const open = await delivery.where("offeredAt", "is", null).where("closedAt", "is", null).forUpdate().executeTakeFirst();
  // A statement of its own, behind the lock: it sees an attempt that took over while this one waited.
  const own = await db.selectFrom("transfers").select("id").where("id", "=", transferId).where("epoch", "=", epoch).executeTakeFirst();
  if (open === undefined || own === undefined)
    throw new RelaisError("lease_lost", "Another attempt owns this transfer now, or what it delivers was offered already.");
}
