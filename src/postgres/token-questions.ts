import { sha256 } from "../core/transfer/manifest.ts";
import type { Standings, TokenFacts, TokenQuestion } from "../core/consent/standings.ts";
import { gathered } from "./gathered.ts";
import { SCHEMA } from "./pool.ts";
import { STANDING, standingOf, type FoundStanding } from "./standing-rows.ts";
import { versionOf, type Ask, type Row } from "./versioned-rows.ts";

const RECORDS = `${SCHEMA}.oauth_records`;

/**
 * Whoever asks, the token, the one use of the assertion and the standing, in one statement and one snapshot. The assertion is used up only where
 * everything else is as it should be: who is not answered here can still be answered elsewhere.
 */
const STATEMENT = `with asked as materialized (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
      with ordinality as a(entity_id, version, client_id, token, once, once_until, today, place)
  ), token as materialized (
    select a.*, t.payload from asked a
    cross join lateral (select ${versionOf("p")} as version from ${SCHEMA}.participants p where p.entity_id = a.entity_id offset 0) p
    cross join lateral (select payload, expires_at, consumed_at from ${RECORDS} t where t.model = 'AccessToken' and t.id = a.token offset 0) t
    where p.version = a.version and t.expires_at > now() and t.consumed_at is null
      and t.payload->>'clientId' = a.client_id and t.payload->>'aud' = a.entity_id
      and jsonb_typeof(t.payload->'jkt') = 'string' and jsonb_typeof(t.payload->'exp') = 'number'
      and jsonb_typeof(t.payload->'rar'->0->'consent') = 'string' and not t.payload->'rar'->0 ? 'probe'
      and not t.payload ?| array['grantId', 'accountId', 'scope']
  ), used as (
    insert into ${RECORDS} (model, id, payload, expires_at)
    select 'ReplayDetection', once, '{}', once_until from token where once is not null order by once
    on conflict (model, id) do update set payload = excluded.payload, expires_at = excluded.expires_at, consumed_at = null
      where oauth_records.expires_at <= now()
    returning id
  )
  select asked.place, asked.payload, exists (select from used where used.id = asked.once) as is_first, ${STANDING}
  from token asked ${standingOf("asked.payload->'rar'->0->>'consent'")}`;

/** Many participants' questions at once, each about one token. */
export function tokenQuestions(ask: Ask, standings: (rows: Row[]) => Promise<(FoundStanding | null)[]>): Standings["askOnce"] {
  const gather = gathered<TokenQuestion, Row | null>(async (questions) => {
    const ids = questions.map(({ once }) => sha256(once.id));
    const column = <T>(of: (question: TokenQuestion, index: number) => T) => questions.map(of);
    const rows = await ask("token_question", STATEMENT, [
      column(({ asker }) => asker.participant.entityId),
      column(({ asker }) => asker.version),
      column(({ clientId }) => clientId),
      column(({ token }) => sha256(token)),
      // Of two with one assertion, the one that asked first.
      column((_, index) => (ids.indexOf(ids[index] as string) === index ? (ids[index] as string) : null)),
      column(({ once }) => once.expiresAt),
      column(({ now }) => now.toISOString().slice(0, 10)),
    ]);
    const byPlace = new Map(rows.map((row) => [Number(row["place"]), row]));
    return questions.map((_, index) => byPlace.get(index + 1) ?? null);
  });
  // What has to be fetched beside is fetched outside: the statement is not to be asked again where that fails.
  return async (question) => {
    const row = await gather(question);
    if (row === null) return null;
    const [standing = null] = await standings([row]);
    return { isFirst: row["is_first"] as boolean, payload: row["payload"], standing } as TokenFacts;
  };
}
