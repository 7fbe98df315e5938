import { sql, type Expression, type SqlBool } from "kysely";
import type { DataSet } from "../core/catalogue/data-set.ts";
import type { ParticipantId } from "../core/ids.ts";
import type { Place, RegisterEntry, RegisterFilter, RegisterReader, TrustedEntity } from "../core/register/register-reader.ts";
import type { Participant, Status, TrustMark } from "../core/register/participant.ts";
import { COLUMNS, newestMarks } from "./participants.ts";
import type { Database } from "./pool.ts";
import { json } from "./rows.ts";

export function readRegistered(db: Database): RegisterReader {
  const matching = (filter: RegisterFilter, now: Date) => db.selectFrom("participants as p").where((e) => e.and(conditionsOf(filter, now)));
  return {
    entries: async ({ after, limit, ...filter }, now) => {
      const query = matching(filter, now)
        .select(COLUMNS)
        .orderBy(sql`p.folded_name`)
        .orderBy("p.id")
        .limit(limit);
      return withMarks(db, await (after === undefined ? query : query.where(behind(after))).execute());
    },
    counted: async ({ after, limit, ...filter }, now) => {
      const { rows } = await sql<{ total: number; ids: ParticipantId[] }>`
        with p as materialized (${matching(filter, now).select(["p.id", sql`p.folded_name`.as("foldedName")])})
        select count(*) as total, array(
          select id from p ${after === undefined ? sql`` : sql`where ${behind(after)}`} order by folded_name, id limit ${limit}) as ids
        from p`.execute(db);
      const { total = 0, ids = [] } = rows[0] ?? {};
      const found = await db
        .selectFrom("participants as p")
        .select(COLUMNS)
        .where(sql<boolean>`p.id = any (${ids})`)
        .orderBy(sql`p.folded_name`)
        .orderBy("p.id")
        .execute();
      return { entries: await withMarks(db, found), total };
    },
    countries: async () => {
      // From one value of the index to the next: as many steps as there are countries, however many participants.
      const { rows } = await sql<{ country: string }>`
        with recursive steps (country) as (
          select min(about ->> 'country') from participants where about ->> 'country' > ''
          union all
          select (select min(about ->> 'country') from participants where about ->> 'country' > steps.country)
          from steps where steps.country is not null)
        select country from steps where country is not null`.execute(db);
      return rows.map(({ country }) => country);
    },
    named: async (ids) => {
      const wanted = [...new Set(ids)];
      return wanted.length === 0 ? [] : db.selectFrom("participants").select(COLUMNS).where("id", "in", wanted).execute();
    },
    datasets: async (ids) => {
      if (ids.length === 0) return [];
      const { rows } = await sql<{ dataset: DataSet }>`
        select distinct on (dataset ->> 'id') dataset
        from (select id, datasets from participants where 'holder' = any (roles) and (${anyOf(ids)})) p,
          lateral jsonb_array_elements(p.datasets) dataset
        where dataset ->> 'id' = any (${[...ids]}) order by dataset ->> 'id', p.id`.execute(db);
      return rows.map(({ dataset }) => dataset);
    },
    ...readTrusted(db),
  };
}

const behind = ({ name, id }: Place) => sql<boolean>`(p.folded_name, p.id) > (folded(${name}), ${id})`;

async function withMarks(db: Database, participants: Participant[]): Promise<RegisterEntry[]> {
  const ids = participants.map(({ id }) => id);
  const marks = await newestMarks(db, ids);
  return participants.map((participant) => ({ participant, mark: marks.get(participant.id) ?? null }));
}

/** One containment for each, so that the index answers. */
function anyOf(ids: readonly string[]): Expression<SqlBool> {
  return sql<boolean>`datasets @> any (array[${sql.join(ids.map((id) => sql`${json([{ id }])}::jsonb`))}])`;
}

/** The mark of a participant that is in force; at most one is. */
const inForce = (now: Date, level: TrustMark["level"] | null) => sql<boolean>`exists (
  select from trust_marks m where m.participant_id = p.id and m.revoked_at is null and m.expires_at > ${now}
    and (${level}::smallint is null or m.level = ${level}::smallint))`;

const standsAs = (standing: Status, now: Date): Expression<SqlBool> => {
  if (standing === "accredited") return sql<boolean>`p.status = 'accredited' and ${inForce(now, null)}`;
  if (standing === "expired") return sql<boolean>`(p.status = 'expired' or (p.status = 'accredited' and not ${inForce(now, null)}))`;
  return sql<boolean>`p.status = ${standing}`;
};

/** Of the sandbox, or with a mark of this level in force. */
const atLevel = (level: TrustMark["level"], now: Date): Expression<SqlBool> => {
  const marked = sql<boolean>`(p.status = 'accredited' and ${inForce(now, level)})`;
  return level === 0 ? sql<boolean>`(p.status = 'registered' or ${marked})` : marked;
};

type Conditions = { [K in keyof RegisterFilter]-?: (value: NonNullable<RegisterFilter[K]>, now: Date) => Expression<SqlBool> };

const CONDITIONS: Conditions = {
  ids: (ids) => sql<boolean>`p.id = any (${[...ids]})`,
  entityId: (entityId) => sql<boolean>`p.entity_id = ${entityId}`,
  role: (role) => sql<boolean>`${role} = any (p.roles)`,
  name: (name) => sql<boolean>`strpos(p.folded_name, folded(${name})) > 0`,
  level: atLevel,
  standing: standsAs,
  dataset: (id) => sql<boolean>`p.datasets @> ${json([{ id }])}::jsonb`,
  kind: (kind) => sql<boolean>`p.datasets @> ${json([{ kind }])}::jsonb`,
  country: (country) => sql<boolean>`p.about ->> 'country' = ${country}`,
  isChecked: (_yes, now) => sql<boolean>`(p.status = 'accredited' and (${inForce(now, 1)} or ${inForce(now, 2)}))`,
  keepsData: () => sql<boolean>`p.roles <> array['service']`,
};

function conditionsOf(filter: RegisterFilter, now: Date): Expression<SqlBool>[] {
  return Object.entries(filter).flatMap(([name, value]) => {
    const condition = CONDITIONS[name as keyof RegisterFilter] as (value: unknown, now: Date) => Expression<SqlBool>;
    return value === undefined ? [] : [condition(value, now)];
  });
}

function readTrusted(db: Database) {
  const trusted = (now: Date) => sql`trust_marks m join participants p on p.id = m.participant_id
    where m.revoked_at is null and m.expires_at > ${now} and p.status = 'accredited'`;
  return {
    trusted: async (now) => {
      // As one value: ten thousand rows with times and arrays take `pg` six times as long.
      const { rows } = await sql<{ entities: TrustedEntity[] | null }>`
        select json_agg(json_build_object('entityId', p.entity_id, 'name', p.name, 'roles', to_json(p.roles), 'markId', m.id, 'type', m.type,
          'level', m.level, 'until', floor(extract(epoch from m.expires_at))::bigint) order by p.entity_id) as entities
        from ${trusted(now)}`.execute(db);
      return rows[0]?.entities ?? [];
    },
    // A mark's id stands for its level and its type; its end may come sooner, with its version of the charter.
    trustedFingerprint: async (now) => {
      const { rows } = await sql<{ fingerprint: string }>`
        select count(*) || '-' || coalesce(sum(hashtextextended(m.id || ' ' || extract(epoch from m.expires_at) || ' ' || array_to_string(p.roles, ',') || ' ' || p.name, 0)::numeric), 0)
          as fingerprint from ${trusted(now)}`.execute(db);
      return rows[0]?.fingerprint ?? "0";
    },
  } satisfies Partial<RegisterReader>;
}
