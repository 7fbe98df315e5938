import { sql, type RawBuilder } from "kysely";
import type { Acceptance, Alike } from "../core/transfer/alike.ts";
import { lookUpEach, type Database } from "./pool.ts";

/** `testAccountHash` (core/policy/facts.ts) of the account at the source. */
const TEST_ACCOUNT = sql`translate(rtrim(encode(sha256(convert_to('test account' || chr(10) || c.source_id || chr(10) || l.account, 'UTF8')), 'base64'), '='), '+/', '-_')`;

/**
 * Groups consents by everything that `checkStanding` (core/consent/check-consent.ts) reads of one: a new thing there is a new line here. `chosen`
 * has `consent_id` and `terms`, the digest of what the destination published when the consent was given.
 */
export async function groupAlike(db: Database, chosen: RawBuilder<unknown>, now: Date): Promise<Alike[]> {
  await lookUpEach(db);
  const { rows } = await sql<Alike>`
    with ${chosen}
    select min(c.id) as one, array_agg(c.id) as consents
    from chosen join consents c on c.id = chosen.consent_id
    join account_links l on l.id = c.source_link_id
    left join platform_access a on a.holder_id = c.source_id and a.platform_id = c.destination_id and a.state = 'test'
    group by c.source_id, c.destination_id, c.action, c.switch_id is null, c.datasets, chosen.terms, c.state, c.expires_at > ${now},
      l.assurance, l.removed_at is null, case when a.state is null then false else ${TEST_ACCOUNT} = any (a.test_accounts) end`.execute(db);
  return rows;
}

/** `given`: which consents get which transfers. */
export function givenOf({ wanted }: Acceptance): RawBuilder<unknown> {
  const [consents, ids] = [wanted.map(({ consentId }) => consentId), wanted.map(({ transferId }) => transferId)];
  return sql`given as (select * from unnest(${consents}::text[], ${ids}::text[]) as g (consent_id, id))`;
}

/** The row of each transfer, from `given g join consents c`; the sweep rings for it. */
export function transfersOf({ at }: Acceptance, period: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`insert into transfers (id, consent_id, person_id, source_id, destination_id, datasets, state, epoch, attempts, due_at, expires_at,
      created_at, priority, period)
    select g.id, c.id, c.person_id, c.source_id, c.destination_id, c.datasets, 'queued', 0, 0, ${at}::timestamptz, c.expires_at,
      ${at}::timestamptz, 10, ${period}`;
}

/** The first line of the timeline of each transfer in `added`, in the same statement. */
export function toldOf({ at, actor, details }: Acceptance): RawBuilder<unknown> {
  return sql`told as (
    insert into transfer_events (transfer_id, sequence, at, kind, actor, details)
    select id, 1, ${at}, 'requested', ${actor}, jsonb_build_object('datasets', cardinality(datasets)) || ${JSON.stringify(details)}::jsonb from added)`;
}
