import { sql } from "kysely";
import { LIST_SIZE, STATUS } from "../core/federation/status-list.ts";
import { askedBefore, type ConsentEnds, type ConsentPlace } from "../core/consent/consent.ts";
import type { ConsentId, ParticipantId, PersonId } from "../core/ids.ts";
import type { Reader, Writer } from "../core/ports.ts";
import { sha256 } from "../core/transfer/manifest.ts";
import { LOCK_SEEDS } from "./locks.ts";
import type { Database } from "./pool.ts";
import { found, json, jsonOrNull } from "./rows.ts";

export function readConsents(db: Database): Reader["consents"] {
  const all = db.selectFrom("consents").selectAll();
  return {
    get: async (id) => found(await all.where("id", "=", id).executeTakeFirst(), "consent"),
    find: async (id) => (await all.where("id", "=", id).executeTakeFirst()) ?? null,
    list: (personId) => all.where("personId", "=", personId).orderBy("createdAt", "desc").execute(),
    open: (personId, now) => all.where("personId", "=", personId).where(isOpen(now)).orderBy("createdAt", "desc").execute(),
    ended: ({ personId, now, sourceId, destinationId, after, limit }) =>
      all
        .where("personId", "=", personId)
        .where(sql<boolean>`not ${isOpen(now)}`)
        .where(sql<boolean>`not (state = 'superseded' and cardinality(datasets) = 0)`)
        .$if(sourceId !== null, (query) => query.where("sourceId", "=", sourceId as ParticipantId))
        .$if(destinationId !== null, (query) => query.where("destinationId", "=", destinationId as ParticipantId))
        .$if(after !== null, (query) => query.where(isBehind(after)))
        .orderBy("createdAt", "desc")
        .orderBy("id", "desc")
        .limit(limit)
        .execute(),
    ends: (personId) => endsOf(db, personId),
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
        .$if(after !== undefined, (query) => query.where(isBehind(after ?? null)))
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

/** What waits for an answer or lets data go, as `stateAt` says it (core/consent/consent.ts). */
const isOpen = (now: Date) =>
  sql<boolean>`(state in ('active', 'suspended', 'requested') and expires_at > ${now} and (state <> 'requested' or created_at > ${askedBefore(now)}))`;

/** In a list from the newest to the oldest. Places are of whole milliseconds, as our clock gives them. */
const isBehind = (after: ConsentPlace | null) => sql<boolean>`(created_at, id) < (${after?.createdAt ?? null}, ${after?.id ?? null})`;

async function endsOf(db: Database, personId: PersonId): Promise<ConsentEnds[]> {
  const { rows } = await sql<{ sourceId: ParticipantId; source: string; destinationId: ParticipantId; destination: string }>`
    select distinct on (source_id, destination_id) source_id, destination_id,
      notice -> 'source' ->> 'name' as source, notice -> 'destination' ->> 'name' as destination
    from consents where person_id = ${personId} order by source_id, destination_id, created_at desc`.execute(db);
  return rows.map((one) => ({
    source: { id: one.sourceId, name: one.source },
    destination: { id: one.destinationId, name: one.destination },
  }));
}
const endedByTerms = sql<boolean>`state = 'revoked' and ended_because ->> 'kind' = 'terms'`;

/** What is valid is not named. What waits for an answer, or is interrupted, may become so; what ended never will. */
async function statusesOf(db: Database, list: number, now: Date): Promise<{ index: number; status: number }[] | null> {
  const from = list * LIST_SIZE;
  const { rows } = await sql<{ known: boolean; invalid: number[] | null; suspended: number[] | null }>`
    select greatest((select max(status_index) from consents), (select max(status_index) from ended_places), 0) >= ${from} as known,
      array_agg(index) filter (where state not in ('requested', 'suspended')) as invalid,
      array_agg(index) filter (where state in ('requested', 'suspended')) as suspended
    from (
      select status_index - ${from} as index, case when expires_at <= ${now} then 'expired' else state end as state from consents
      where status_index >= ${from} and status_index < ${from + LIST_SIZE} and (state <> 'active' or expires_at <= ${now})
      union all
      select status_index - ${from}, 'gone' from ended_places where status_index >= ${from} and status_index < ${from + LIST_SIZE}) listed`.execute(
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
    askAlone: async (personId) =>
      void (await sql`select pg_advisory_xact_lock(hashtextextended(${personId}, ${LOCK_SEEDS.askingPerson}))`.execute(db)),
    handOver: async (id, grantId) => {
      const grantDigest = sha256(grantId);
      const handed = await db
        .updateTable("consents")
        .set({ grantDigest })
        .where("id", "=", id)
        .where("state", "=", "active")
        .where((e) => e.or([e("grantDigest", "is", null), e("grantDigest", "=", grantDigest)]))
        .executeTakeFirst();
      return handed.numUpdatedRows === 1n;
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
    revokeOutside: (end) => revokeOutside(db, end),
    readEnd: (personId, id, at) => readEnd(db, { personId, id, at }),
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

async function readEnd(db: Database, { personId, id, at }: { personId: PersonId; id: ConsentId; at: Date }): Promise<boolean> {
  const { rows } = await sql`
    with ended as (select id from consents where id = ${id} and person_id = ${personId} and ${endedByTerms}),
    marked as (insert into ends_read (consent_id, at) select id, ${at} from ended on conflict do nothing)
    select from ended`.execute(db);
  return rows.length > 0;
}

type Outside = Parameters<Writer["permissions"]["revokeOutside"]>[0];

async function revokeOutside(db: Database, { destinationId, terms, because, at, by }: Outside): Promise<number> {
  const more = (name: "processors" | "purposes") =>
    sql`not ${json(terms[name])}::jsonb <@ coalesce(notice #> ${["destination", name]}::text[], '[]')`;
  const ended = await sql`
    update consents set state = case state when 'requested' then 'expired' else 'revoked' end, ended_at = ${at}, ended_by = ${by},
      ended_because = ${json(because)}::jsonb
    where destination_id = ${destinationId} and state in ('requested', 'active', 'suspended') and action <> 'erase'
      and (notice #>> '{destination,country}' <> ${terms.country[0]} or ${more("processors")} or ${more("purposes")})`.execute(db);
  return Number(ended.numAffectedRows);
}
