import { sql } from "kysely";
import type { PersonId } from "../core/ids.ts";
import type { AccountReader, AccountWriter } from "../core/person/account.ts";
import { eraseRecords, recordsOf } from "./person-records.ts";
import { LOCKS_OF } from "./locks.ts";
import type { Database } from "./pool.ts";
import { json } from "./rows.ts";

export function readAccount(db: Database): AccountReader {
  return {
    passkeys: (personId) =>
      db.selectFrom("passkeys").selectAll().where("personId", "=", personId).orderBy("createdAt").orderBy("id").execute(),
    findPasskey: async (credentialId) =>
      (await db.selectFrom("passkeys").selectAll().where("credentialId", "=", credentialId).executeTakeFirst()) ?? null,
    sessions: (personId, now) =>
      db
        .selectFrom("sessions")
        .selectAll()
        .where("personId", "=", personId)
        .where("expiresAt", ">", now)
        .orderBy("lastSeenAt", "desc")
        .orderBy("id")
        .execute(),
    codesLeft: async (personId) => {
      const { count } = await db
        .selectFrom("recoveryCodes")
        .select((e) => e.fn.countAll<string>().as("count"))
        .where("personId", "=", personId)
        .where("usedAt", "is", null)
        .executeTakeFirstOrThrow();
      return Number(count);
    },
    displayName: async (personId) =>
      (await db.selectFrom("people").select("displayName").where("id", "=", personId).executeTakeFirst())?.displayName ?? null,
    accesses: (personId, limit) =>
      db.selectFrom("personAccesses").selectAll().where("personId", "=", personId).orderBy("at", "desc").limit(limit).execute(),
    isClosing: async (personId) =>
      (await db.selectFrom("people").select("id").where("id", "=", personId).where("closingAt", "is not", null).executeTakeFirst()) !==
      undefined,
    closing: async (limit) =>
      (await db.selectFrom("people").select("id").where("closingAt", "is not", null).orderBy("closingAt").limit(limit).execute()).map(
        ({ id }) => id,
      ),
    records: (personId) => recordsOf(db, personId),
  };
}

export function writeAccount(db: Database): AccountWriter {
  return { ...openings(db), ...sessions(db), ...passkeys(db), ...codes(db), ...links(db), ...closing(db) };
}

function openings(db: Database): Pick<AccountWriter, "countOpening"> {
  return {
    countOpening: async ({ network, at, since }) => {
      await sql`select pg_advisory_xact_lock(${LOCKS_OF.openings}, 0)`.execute(db);
      await db.insertInto("accountOpenings").values({ mark: network, at }).execute();
      const { rows } = await sql<{ fromHere: number; overall: number }>`
        select count(*)::int as overall, count(*) filter (where mark = ${network})::int as from_here from account_openings where at > ${since}`.execute(
        db,
      );
      return rows[0] ?? { fromHere: 0, overall: 0 };
    },
  };
}

function sessions(db: Database): Pick<AccountWriter, "see" | "endSession" | "endSessions"> {
  return {
    see: async (tokenHash, at) =>
      void (await db.updateTable("sessions").set({ lastSeenAt: at }).where("tokenHash", "=", tokenHash).execute()),
    endSession: async (personId, id) => {
      const ended = await db.deleteFrom("sessions").where("personId", "=", personId).where("id", "=", id).executeTakeFirst();
      return ended.numDeletedRows === 1n;
    },
    endSessions: async (personId, but) => {
      const all = db.deleteFrom("sessions").where("personId", "=", personId);
      const ended = await (but === null ? all : all.where("tokenHash", "<>", but)).executeTakeFirst();
      return Number(ended.numDeletedRows);
    },
  };
}

function passkeys(
  db: Database,
): Pick<AccountWriter, "lock" | "setDisplayName" | "addPasskey" | "renamePasskey" | "removePasskey" | "usePasskey" | "blockPasskey"> {
  return {
    lock: async (personId) => void (await db.selectFrom("people").select("id").where("id", "=", personId).forUpdate().execute()),
    setDisplayName: async (personId, displayName) =>
      void (await db.updateTable("people").set({ displayName }).where("id", "=", personId).execute()),
    addPasskey: async (passkey) => void (await db.insertInto("passkeys").values(passkey).execute()),
    renamePasskey: async (personId, id, name) => {
      const renamed = await db
        .updateTable("passkeys")
        .set({ name })
        .where("personId", "=", personId)
        .where("id", "=", id)
        .executeTakeFirst();
      return renamed.numUpdatedRows === 1n;
    },
    removePasskey: async (personId, id) => {
      const removed = await db.deleteFrom("passkeys").where("personId", "=", personId).where("id", "=", id).executeTakeFirst();
      return removed.numDeletedRows === 1n;
    },
    usePasskey: async (id, counter, at) => {
      const used = await db
        .updateTable("passkeys")
        .set({ counter, lastUsedAt: at })
        .where("id", "=", id)
        .where("blockedAt", "is", null)
        .where((e) => e.or([e("counter", "<", counter), e.and([e("counter", "=", 0), e.val(counter === 0)])]))
        .executeTakeFirst();
      return used.numUpdatedRows === 1n;
    },
    blockPasskey: async (id, at) =>
      void (await db.updateTable("passkeys").set({ blockedAt: at }).where("id", "=", id).where("blockedAt", "is", null).execute()),
  };
}

function codes(db: Database): Pick<AccountWriter, "replaceCodes" | "useCode"> {
  return {
    replaceCodes: async (personId, hashes, at) => {
      await db.deleteFrom("recoveryCodes").where("personId", "=", personId).execute();
      if (hashes.length === 0) return;
      const rows = hashes.map((codeHash) => ({ codeHash, personId, createdAt: at, usedAt: null }));
      await db.insertInto("recoveryCodes").values(rows).execute();
    },
    useCode: async (hash, at) => {
      const used = await db
        .updateTable("recoveryCodes")
        .set({ usedAt: at })
        .where("codeHash", "=", hash)
        .where("usedAt", "is", null)
        .returning("personId")
        .executeTakeFirst();
      return used?.personId ?? null;
    },
  };
}

function links(db: Database): Pick<AccountWriter, "removeLink" | "addAccesses"> {
  return {
    removeLink: async (id, at) => {
      // A name of its own keeps the account unique without saying which it was.
      const erased = { account: id, sealedCredentials: null, inventory: json(null), contract: null, removedAt: at };
      await db.updateTable("accountLinks").set(erased).where("id", "=", id).execute();
      await sql`
        delete from account_links l where l.id = ${id}
          and not exists (select from consents c where l.id in (c.source_link_id, c.destination_link_id))
          and not exists (select from switches s where l.id in (s.source_link_id, s.destination_link_id))`.execute(db);
    },
    addAccesses: async ({ viewer, office, what, at, ids }) =>
      void (await sql`
        with concerned as (
          select id as participant_id from participants where id = any (${ids})
          union select participant_id from organisation_participants where organisation_id = any (${ids})
          union select participant_id from applications where id = any (${ids})
          union select a.participant_id from evidence e join applications a on a.id = e.application_id where e.id = any (${ids})
          union select platform_id from certificate_claims where id = any (${ids})),
        told as (
          select m.person_id, m.participant_id from memberships m join concerned using (participant_id)
          union all select person_id, null from transfers where id = any (${ids}))
        insert into person_accesses (person_id, viewer, office, what, participant_id, at)
        select person_id, ${viewer}, ${office}, ${what}, participant_id, ${at} from told`.execute(db)),
  };
}

function closing(db: Database): Pick<AccountWriter, "close" | "erase"> {
  return {
    close: async (personId, at) =>
      void (await db.updateTable("people").set({ closingAt: at }).where("id", "=", personId).where("closingAt", "is", null).execute()),
    erase: async (personId) => {
      if (await isUnderWay(db, personId)) return false;
      await eraseRecords(db, personId);
      return true;
    },
  };
}

/**
 * A transfer that has not ended; a change whose receipt is not made, or of which the participants are not told; and what they were told and have not
 * acknowledged, until it is given up (core/events/deliver-notices.ts).
 */
async function isUnderWay(db: Database, personId: PersonId): Promise<boolean> {
  const { rows } = await sql<{ isUnderWay: boolean }>`
    with own as (select id from consents where person_id = ${personId})
    select exists (select from transfers where person_id = ${personId} and ended_at is null)
      or exists (select from consent_changes h join own on own.id = h.consent_id where h.sealed_at is null or h.told_at is null)
      or exists (select from notices n join own on own.id = n.consent_id where n.acknowledged_at is null and n.given_up_at is null) as is_under_way`.execute(
    db,
  );
  return rows[0]?.isUnderWay === true;
}
