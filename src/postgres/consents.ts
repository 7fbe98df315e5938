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
    unreadEnds: (personId, since) =>
      all
        .where("personId", "=", personId)
        .where("endedAt", ">", since)
        .where(endedByTerms)
        .where(sql<boolean>`not exists (select from ends_read e where e.consent_id = consents.id)`)
        .orderBy("endedAt", "desc")
        .orderBy("id")
        .execute(),
    successors: (id) => all.where("supersedes", "=", id).orderBy("createdAt", "desc").execute(),
    statuses: (list, now) => statusesOf(db, list, now),
  };
}

const endedByTerms = sql<boolean>`state = 'revoked' and ended_because ->> 'kind' = 'terms'`;

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
    readEnd: async (personId, id, at) => {
      const { rows } = await sql`
        with ended as (select id from consents where id = ${id} and person_id = ${personId} and ${endedByTerms}),
        marked as (insert into ends_read (consent_id, at) select id, ${at} from ended on conflict do nothing)
        select from ended`.execute(db);
      return rows.length > 0;
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
