import { sql } from "kysely";
import { LIST_SIZE, STATUS } from "../core/federation/status-list.ts";
import { askedBefore } from "../core/consent/consent.ts";
import type { Reader, Writer } from "../core/ports.ts";
import type { Database } from "./pool.ts";
import { found, json, jsonOrNull } from "./rows.ts";

export function readConsents(db: Database): Reader["consents"] {
  const all = db.selectFrom("consents").selectAll();
  return {
    get: async (id) => found(await all.where("id", "=", id).executeTakeFirst(), "consent"),
    find: async (id) => (await all.where("id", "=", id).executeTakeFirst()) ?? null,
    list: (personId) => all.where("personId", "=", personId).orderBy("createdAt", "desc").execute(),
    ofParticipant: ({ participantId, after, limit }) =>
      all
        .where((e) =>
          e.or([
            e("requesterId", "=", participantId),
            // Only what was given has data sets.
            e.and([
              e.or([e("sourceId", "=", participantId), e("destinationId", "=", participantId)]),
              sql<boolean>`cardinality(datasets) > 0`,
            ]),
          ]),
        )
        .$if(after !== undefined, (query) =>
          query.where(sql<boolean>`(created_at, id) < (${after?.createdAt ?? null}, ${after?.id ?? null})`),
        )
        .orderBy("createdAt", "desc")
        .orderBy("id", "desc")
        .limit(limit)
        .execute(),
    unattended: (filter) => unattended(db, filter),
    successors: (id) => all.where("supersedes", "=", id).orderBy("createdAt", "desc").execute(),
    statuses: (list, now) => statusesOf(db, list, now),
  };
}

/** What is valid is not named. What waits for an answer, or is interrupted, may become so; what ended never will. */
async function statusesOf(db: Database, list: number, now: Date): Promise<{ index: number; status: number }[] | null> {
  const from = list * LIST_SIZE;
  const { rows } = await sql<{ known: boolean; invalid: number[] | null; suspended: number[] | null }>`
    select coalesce((select max(status_index) from consents), 0) >= ${from} as known,
      array_agg(index) filter (where state not in ('requested', 'suspended')) as invalid,
      array_agg(index) filter (where state in ('requested', 'suspended')) as suspended
    from (
      select status_index - ${from} as index, case when expires_at <= ${now} then 'expired' else state end as state from consents
      where status_index >= ${from} and status_index < ${from + LIST_SIZE} and (state <> 'active' or expires_at <= ${now})) listed`.execute(
    db,
  );
  const [{ known, invalid, suspended } = { known: false, invalid: null, suspended: null }] = rows;
  if (!known) return null;
  return [
    ...(invalid ?? []).map((index) => ({ index, status: STATUS.invalid })),
    ...(suspended ?? []).map((index) => ({ index, status: STATUS.suspended })),
  ];
}

/** A single delivery that was made lets nothing more go: nobody is reminded of it. */
async function unattended(db: Database, { since, now, limit }: Parameters<Reader["consents"]["unattended"]>[0]) {
  const rows = await db
    .selectFrom("consents")
    .leftJoin("personVisits as visit", "visit.personId", "consents.personId")
    .selectAll("consents")
    .select((e) =>
      e
        .selectFrom("transfers")
        .select(({ fn }) => fn.max("transfers.createdAt").as("at"))
        .whereRef("transfers.consentId", "=", "consents.id")
        .as("lastTransferAt"),
    )
    .where("consents.state", "=", "active")
    .where("consents.action", "=", "copy")
    .where("consents.expiresAt", ">", now)
    .where("consents.decidedAt", "<=", since)
    .where((e) => e.or([e("visit.at", "is", null), e("visit.at", "<=", since)]))
    .where((e) =>
      e.not(
        e.exists(
          e
            .selectFrom("consentReminders as told")
            .select("told.at")
            .whereRef("told.consentId", "=", "consents.id")
            .where("told.at", ">", since),
        ),
      ),
    )
    .where((e) =>
      e.or([
        sql<boolean>`notice ->> 'recurrence' is not null`,
        e.not(
          e.exists(
            e
              .selectFrom("transfers as made")
              .select("made.id")
              .whereRef("made.consentId", "=", "consents.id")
              .where("made.state", "=", "verified"),
          ),
        ),
      ]),
    )
    .orderBy("consents.decidedAt")
    .limit(limit)
    .execute();
  return rows.map(({ lastTransferAt, ...consent }) => ({ consent, lastTransferAt }));
}

export function writeConsents(db: Database): Writer["permissions"] {
  return {
    add: (consent) =>
      db
        .insertInto("consents")
        .values({ ...consent, notice: json(consent.notice), acts: jsonOrNull(consent.acts) })
        .returningAll()
        .executeTakeFirstOrThrow(),
    move: async (id, from, to, { acts, ...change }) => {
      const moved = await db
        .updateTable("consents")
        .set({ ...change, ...(acts === undefined ? {} : { acts: jsonOrNull(acts) }), state: to })
        .where("id", "=", id)
        .where("state", "in", from)
        .executeTakeFirst();
      return moved.numUpdatedRows === 1n;
    },
    revokeAll: async ({ participantId, asSource, at, by }) => {
      const ended = await db
        .updateTable("consents")
        .set({ state: "revoked", endedAt: at, endedBy: by, endedBecause: json({ kind: "standing", participant: participantId }) })
        .where("state", "in", ["active", "suspended"])
        .where((e) => e.or([e("destinationId", "=", participantId), ...(asSource ? [e("sourceId", "=", participantId)] : [])]))
        .executeTakeFirst();
      return Number(ended.numUpdatedRows);
    },
    revokeOutside: async ({ destinationId, terms, because, at, by }) => {
      const more = (name: "processors" | "purposes") =>
        sql`not ${json(terms[name])}::jsonb <@ coalesce(notice #> ${["destination", name]}::text[], '[]')`;
      const ended = await sql`
        update consents set state = case state when 'requested' then 'expired' else 'revoked' end, ended_at = ${at}, ended_by = ${by},
          ended_because = ${json(because)}::jsonb
        where destination_id = ${destinationId} and state in ('requested', 'active', 'suspended') and action <> 'erase'
          and (notice #>> '{destination,country}' <> ${terms.country[0]} or ${more("processors")} or ${more("purposes")})`.execute(db);
      return Number(ended.numAffectedRows);
    },
    noteReminder: async (consentId, at) => {
      await db
        .insertInto("consentReminders")
        .values({ consentId, at })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },
    expire: async (now) => {
      const expired = await db
        .updateTable("consents")
        .set({ state: "expired", endedAt: now, endedBy: "relais" })
        .where((e) =>
          e.or([
            e.and([e("state", "in", ["requested", "active", "suspended"]), e("expiresAt", "<=", now)]),
            e.and([e("state", "=", "requested"), e("createdAt", "<=", askedBefore(now))]),
          ]),
        )
        .returning("id")
        .execute();
      return expired.map((row) => row.id);
    },
  };
}
