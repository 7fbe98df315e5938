import { sql } from "kysely";
import type { Mail, MailReader, MailWriter, SentMail } from "../core/person/mail.ts";
import type { MailAddress } from "../core/person/mail-address.ts";
import { LOCK_SEEDS } from "./locks.ts";
import type { Database } from "./pool.ts";

export function readMails(db: Database): MailReader {
  const addresses = db.selectFrom("mailAddresses").selectAll();
  return {
    addresses: async (personId) => {
      const own = await addresses.where("personId", "=", personId).where("replacedAt", "is", null).execute();
      const find = (isProved: boolean): MailAddress | null => own.find(({ provedAt }) => (provedAt !== null) === isProved) ?? null;
      return { inUse: find(true), toProve: find(false) };
    },
    addressOf: async ({ personId, addressId }) => {
      const own = addresses.where("personId", "=", personId).where("unreachableAt", "is", null);
      const wanted =
        addressId === null ? own.where("provedAt", "is not", null).where("replacedAt", "is", null) : own.where("id", "=", addressId);
      return (await wanted.executeTakeFirst()) ?? null;
    },
    findLink: async (tokenHash, purpose, now) =>
      (await db
        .selectFrom("mailLinks")
        .selectAll()
        .where("tokenHash", "=", tokenHash)
        .where("purpose", "=", purpose)
        .where("usedAt", "is", null)
        .where("expiresAt", ">", now)
        .executeTakeFirst()) ?? null,
    findSent: async (id) => {
      const { rows } = await sql<SentMail>`select person_id, address_id, ended_at from mails where id = ${id} and outcome = 'sent'`.execute(
        db,
      );
      return rows[0] ?? null;
    },
    waiting: async () => {
      const { count } = await db
        .selectFrom("mails")
        .select((e) => e.fn.countAll<string>().as("count"))
        .where("endedAt", "is", null)
        .executeTakeFirstOrThrow();
      return Number(count);
    },
    lastSignIn: async (personId) => {
      const { rows } = await sql<{ at: Date | null }>`select last_sign_in_at as at from people where id = ${personId}`.execute(db);
      return rows[0]?.at ?? null;
    },
  };
}

export function writeMails(db: Database): MailWriter {
  return { ...writeAddresses(db), ...writeOccasions(db), ...writeOutcomes(db), ...writeLinks(db) };
}

type AddressWriter = Pick<
  MailWriter,
  "give" | "prove" | "removeAddresses" | "forget" | "setReminders" | "markUnreachable" | "countAttempt"
>;

function writeAddresses(db: Database): AddressWriter {
  const inUse = (personId: MailAddress["personId"]) =>
    db.updateTable("mailAddresses").where("personId", "=", personId).where("provedAt", "is not", null).where("replacedAt", "is", null);
  return {
    give: async (address) => {
      await lockPerson(db, address.personId);
      await db.deleteFrom("mailAddresses").where("personId", "=", address.personId).where("provedAt", "is", null).execute();
      await db.insertInto("mailAddresses").values(address).execute();
    },
    prove: async (id, at) => {
      const found = await db.selectFrom("mailAddresses").select("personId").where("id", "=", id).executeTakeFirst();
      if (found === undefined) return false;
      await lockPerson(db, found.personId);
      // What its owner wanted of mails stays wanted.
      const former = await inUse(found.personId).set({ replacedAt: at }).returning(["id", "remindersOffAt"]).executeTakeFirst();
      const proved = await db
        .updateTable("mailAddresses")
        .set({ provedAt: at, remindersOffAt: former?.remindersOffAt ?? null })
        .where("id", "=", id)
        .where("provedAt", "is", null)
        .executeTakeFirst();
      return proved.numUpdatedRows === 1n ? { replaced: former?.id ?? null } : false;
    },
    removeAddresses: async (personId) => {
      await db.deleteFrom("mailAddresses").where("personId", "=", personId).execute();
      await db.deleteFrom("mails").where("personId", "=", personId).where("endedAt", "is", null).execute();
    },
    forget: async (id) => void (await db.deleteFrom("mailAddresses").where("id", "=", id).where("replacedAt", "is not", null).execute()),
    setReminders: async (personId, off) => void (await inUse(personId).set({ remindersOffAt: off }).execute()),
    markUnreachable: async (id, at) => {
      const marked = await db
        .updateTable("mailAddresses")
        .set({ unreachableAt: at })
        .where("id", "=", id)
        .where("replacedAt", "is", null)
        .executeTakeFirst();
      return marked.numUpdatedRows === 1n;
    },
    countAttempt: async ({ marks, at, most }) => {
      const since = new Date(at.getTime() - 86_400_000);
      // One after the other, in one order: two of them never wait for each other.
      for (const mark of marks.toSorted())
        await sql`select pg_advisory_xact_lock(hashtextextended(${mark}, ${LOCK_SEEDS.mailMark}))`.execute(db);
      const { rows } = await sql`
        select mark from mail_attempts where mark = any(${marks}) and at > ${since} group by mark having count(*) >= ${most}`.execute(db);
      if (rows.length > 0) return false;
      await db
        .insertInto("mailAttempts")
        .values(marks.map((mark) => ({ mark, at })))
        .execute();
      return true;
    },
  };
}

/** What a person does about their addresses in two browsers happens one after the other. */
async function lockPerson(db: Database, personId: MailAddress["personId"]): Promise<void> {
  await db.selectFrom("people").select("id").where("id", "=", personId).forUpdate().execute();
}

function writeOccasions(db: Database): Pick<MailWriter, "tell" | "remind"> {
  return {
    tell: async (mail) => {
      const told = await db
        .insertInto("mails")
        .values(mail)
        .onConflict((conflict) => conflict.columns(["personId", "kind", "occasion"]).doNothing())
        .executeTakeFirst();
      return told.numInsertedOrUpdatedRows === 1n;
    },
    remind: async ({ now, days, limit }) => {
      const before = new Date(now.getTime() - days * 86_400_000);
      const { numAffectedRows } = await sql`
        insert into mails (person_id, kind, about, occasion, lane, created_at)
        select p.id, 'reminder', p.id, to_char(last.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS'), 1, ${now}
        from people p join mail_recipients a on a.person_id = p.id
          cross join lateral (select greatest(p.last_sign_in_at, (select max(m.created_at) from mails m where m.person_id = p.id and m.kind = 'reminder')) as at) last
        where a.reminders_off_at is null and last.at <= ${before} and exists (
          select from consents c where c.person_id = p.id and c.state = 'active' and c.action <> 'erase' and c.expires_at > ${now}
            and (c.notice ->> 'recurrence' is not null or not exists (select from transfers t where t.consent_id = c.id and t.state = 'verified')))
        limit ${limit}
        on conflict (person_id, kind, occasion) do nothing`.execute(db);
      return Number(numAffectedRows ?? 0n);
    },
  };
}

function writeOutcomes(db: Database): Pick<MailWriter, "claim" | "end" | "postpone"> {
  return {
    claim: async (leaseSeconds) => {
      const { rows } = await sql<Mail>`
        update mails set due_at = now() + make_interval(secs => ${leaseSeconds}), attempts = attempts + 1
        where id = (select id from mails where ended_at is null and due_at <= now() order by lane, due_at limit 1 for update skip locked)
        returning id, person_id, kind, about, occasion, address_id, created_at, attempts`.execute(db);
      return rows[0] ?? null;
    },
    end: async (id, outcome) =>
      void (await db
        .updateTable("mails")
        .set({ endedAt: sql<Date>`now()`, outcome })
        .where("id", "=", id)
        .where("endedAt", "is", null)
        .execute()),
    postpone: async (id, { seconds, because, giveUpHours }) =>
      void (await sql`
        update mails m set last_failure = ${because}, due_at = now() + make_interval(secs => ${seconds}),
          ended_at = case when late then now() end, outcome = case when late then 'given_up' end
        from (select id, created_at + make_interval(hours => ${giveUpHours}) <= now() as late from mails where id = ${id}) one
        where m.id = one.id and m.ended_at is null`.execute(db)),
  };
}

function writeLinks(db: Database): Pick<MailWriter, "addLinks" | "takeLink"> {
  return {
    addLinks: async (links) =>
      void (await db
        .insertInto("mailLinks")
        .values(links.map((link) => ({ ...link, usedAt: null })))
        .onConflict((conflict) => conflict.column("tokenHash").doNothing())
        .execute()),
    takeLink: async (tokenHash, purpose, now) =>
      (await db
        .updateTable("mailLinks")
        .set({ usedAt: now })
        .where("tokenHash", "=", tokenHash)
        .where("purpose", "=", purpose)
        .where("usedAt", "is", null)
        .where("expiresAt", ">", now)
        .returningAll()
        .executeTakeFirst()) ?? null,
  };
}
