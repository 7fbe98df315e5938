import { sql } from "kysely";
import type { Campaign, CampaignId, CampaignsReader, CampaignsWriter } from "../core/transfer/campaign.ts";
import { givenOf, groupAlike, toldOf, transfersOf } from "./alike.ts";
import type { Database } from "./pool.ts";
import { found, json } from "./rows.ts";

export function readCampaigns(db: Database): CampaignsReader {
  const all = db.selectFrom("campaigns").selectAll();
  return {
    get: async (id) => found<Campaign>(await all.where("id", "=", id).executeTakeFirst(), "campaign"),
    open: (limit) => all.where("endedAt", "is", null).orderBy("createdAt").orderBy("id").limit(limit).execute(),
    list: async (participantId, { before, limit }) => {
      const own = participantId === null ? all : all.where("participantId", "=", participantId);
      const last = before === null ? null : found<Campaign>(await own.where("id", "=", before).executeTakeFirst(), "campaign");
      const page = last === null ? own : own.where(sql<boolean>`(created_at, id) < (${last.createdAt}, ${last.id})`);
      return page.orderBy("createdAt", "desc").orderBy("id", "desc").limit(limit).execute();
    },
    countOpen: async (participantId) => {
      const { rows } = await sql<{ count: number }>`
        select count(*)::int as count from campaigns where ended_at is null and participant_id is not distinct from ${participantId}`.execute(
        db,
      );
      return rows[0]?.count ?? 0;
    },
  };
}

export function writeCampaigns(db: Database): CampaignsWriter {
  return {
    ...readCampaigns(db),
    add: async ({ selection, refused, ...plain }) => {
      await db
        .insertInto("campaigns")
        .values({ ...plain, selection: json(selection), refused: json(refused) })
        .execute();
    },
    gather: (id) => gather(db, id),
    // Taken off and answered in one transaction. Rows of consents are locked in the order of their ids, by whoever locks many. What is next
    // is asked once: the inner side of a join may be asked for each row, and a limit that is asked again takes other rows each time.
    take: (id, limit, now) =>
      groupAlike(
        db,
        sql`next as (select ctid from campaign_consents where campaign_id = ${id} limit ${limit} for update skip locked),
        taken as (
          delete from campaign_consents where ctid = any (array(select ctid from next)) returning consent_id, terms),
        chosen as materialized (
          select c.id as consent_id, taken.terms from taken join consents c on c.id = taken.consent_id order by c.id for no key update of c)`,
        now,
      ),
    accept: (acceptance) => accept(db, acceptance),
    count: async (id, { accepted, refused }) => {
      await sql`
        update campaigns set accepted = accepted + ${accepted}, refused = refused || coalesce(
          (select jsonb_object_agg(key, value::int + coalesce((refused ->> key)::int, 0)) from jsonb_each_text(${json(refused)}::jsonb)), '{}')
        where id = ${id}`.execute(db);
    },
    finish: async (id, at) => {
      const finished = await sql`
        update campaigns set state = 'accepted', ended_at = ${at}
        where id = ${id} and state = 'accepting' and not exists (select from campaign_consents where campaign_id = ${id})`.execute(db);
      return finished.numAffectedRows === 1n;
    },
    cancel: async (id, at) => {
      const cancelled = await sql`
        update campaigns set state = 'cancelled', ended_at = ${at}, selection = case when selection ? 'consents' then '{"consents": []}' else selection end
        where id = ${id} and ended_at is null`.execute(db);
      await sql`delete from campaign_consents where campaign_id = ${id}`.execute(db);
      return cancelled.numAffectedRows === 1n;
    },
  };
}

/** A period in which something arrived is served, and half of one lies between two deliveries in any case: nobody gets more than they were told. */
async function accept(db: Database, acceptance: Parameters<CampaignsWriter["accept"]>[0]): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    with ${givenOf(acceptance)},
    added as (
      ${transfersOf(acceptance, sql`null`)}
      from given g join consents c on c.id = g.consent_id left join rhythms r on r.consent_id = c.id
        cross join lateral (select c.notice ->> 'recurrence' as recurrence) told
        cross join lateral (select coalesce(r.every, case when told.recurrence is not null then recurrence_of(told.recurrence) end) as every,
          case when r.consent_id is not null then period_at(r.anchor, r.every, ${acceptance.at}) end as number) period
      where not exists (
        select from transfers t where t.consent_id = g.consent_id and (t.ended_at is null
          or (t.state = 'verified' and told.recurrence is null)
          or (t.state in ('verified', 'partial') and (t.created_at > ${acceptance.at}::timestamptz - period.every / 2
            or t.created_at >= case when period.number = 0 then '-infinity' else r.anchor + period.number * r.every end))))
      returning id, datasets),
    ${toldOf(acceptance)}
    select count(*)::int as count from added`.execute(db);
  return rows[0]?.count ?? 0;
}

/** The campaign's row is locked first: a second sweeper finds it gathered. */
async function gather(db: Database, id: CampaignId): Promise<boolean> {
  const taken = await sql<Campaign>`update campaigns set state = 'accepting' where id = ${id} and state = 'asked' returning *`.execute(db);
  const [campaign] = taken.rows;
  if (campaign === undefined) return false;
  const { selection } = campaign;
  const named = "consents" in selection ? [...new Set(selection.consents)] : null;
  const { rows } = await sql<{ count: number }>`
    with own as (
      insert into campaign_consents (campaign_id, consent_id, terms)
      select ${id}, c.id, md5((c.notice -> 'destination')::text) from consents c
      where ${ownOf(campaign)} and ${named === null ? alikeIn(campaign) : sql`c.id = any (${named}::text[])`}
      returning consent_id)
    select count(*)::int as count from own`.execute(db);
  const count = rows[0]?.count ?? 0;
  const strangers = named === null ? 0 : named.length - count;
  await db
    .updateTable("campaigns")
    .set({
      total: count + strangers,
      refused: json(strangers > 0 ? { not_found: strangers } : {}),
      // Whom it was for is of no use any more.
      ...(named === null ? {} : { selection: json({ consents: [] }) }),
    })
    .where("id", "=", id)
    .execute();
  return true;
}

/** What the participant may see of consents (core/consent/consents-of-participant.ts): all that it asked for, and what was given from it or to it. */
function ownOf({ participantId }: Campaign) {
  if (participantId === null) return sql`true`;
  return sql`(c.requester_id = ${participantId}
    or (cardinality(c.datasets) > 0 and (c.source_id = ${participantId} or c.destination_id = ${participantId})))`;
}

/** In force now. Whoever never said yes, or said no since, is not among them. */
function alikeIn({ selection, createdAt }: Campaign) {
  const { source = null, destination = null, dataset = null } = "consents" in selection ? {} : selection;
  return sql`c.state = 'active' and c.expires_at > ${createdAt} and c.action = 'copy' and c.switch_id is null
    and (${source}::text is null or c.source_id = ${source}) and (${destination}::text is null or c.destination_id = ${destination})
    and (${dataset}::text is null or ${dataset} = any (c.datasets))`;
}
