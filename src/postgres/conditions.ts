import { sql } from "kysely";
import {
  EVERY_DATASET,
  type ConditionsReader,
  type ConditionsWriter,
  type Restriction,
  type RestrictionFilter,
  type Stance,
} from "../core/policy/conditions.ts";
import { LOCKS_OF } from "./locks.ts";
import type { Database } from "./pool.ts";
import { json, jsonOrNull } from "./rows.ts";

export function readConditions(db: Database): ConditionsReader {
  const exclusions = db.selectFrom("platformExclusions").selectAll();
  const access = db.selectFrom("platformAccess").selectAll();
  return {
    stance: (holderId, platformId, now) => stanceOf(db, { holderId, platformId, day: now.toISOString().slice(0, 10) }),
    of: async (holderId) => ({
      conditions: await db.selectFrom("holderConditions").selectAll().where("holderId", "=", holderId).orderBy("dataset").execute(),
      exclusions: await exclusions.where("holderId", "=", holderId).orderBy("changedAt", "desc").execute(),
      access: await access.where("holderId", "=", holderId).orderBy("changedAt", "desc").execute(),
    }),
    restrictions: (filter) => restrictionsOf(db, filter),
    reviews: (holderId, platformId) => {
      const own = db.selectFrom("holderReviews").selectAll().where("holderId", "=", holderId).orderBy("recordedAt", "desc");
      return (platformId === undefined ? own : own.where("platformId", "=", platformId)).execute();
    },
    certificatesOf: async (platformIds, now) =>
      platformIds.length === 0
        ? []
        : db
            .selectFrom("platformCertificates")
            .selectAll()
            .where("platformId", "in", platformIds)
            .where("validUntil", ">=", now.toISOString().slice(0, 10))
            .orderBy("certificate")
            .execute(),
  };
}

async function restrictionsOf(db: Database, { platformId, holderId, before, limit }: RestrictionFilter): Promise<Restriction[]> {
  const matches = sql`(${platformId ?? null}::text is null or platform_id = ${platformId ?? null})
    and (${holderId ?? null}::text is null or holder_id = ${holderId ?? null})
    and (${before ?? null}::bigint is null or log_index < ${before ?? null})`;
  const { rows } = await sql<Restriction>`
    select holder_id as "holderId", platform_id as "platformId", kind, dataset, reason, changed_at as "changedAt", log_index as "logIndex"
    from (
      select holder_id, platform_id, 'excluded' as kind, dataset, reason, changed_at, log_index from platform_exclusions where ${matches}
      union all
      select holder_id, platform_id, state, ${EVERY_DATASET}, reason, changed_at, log_index from platform_access
      where state <> 'open' and ${matches}) every_one
    order by log_index desc limit ${limit}`.execute(db);
  return rows;
}

async function stanceOf(
  db: Database,
  { holderId, platformId, day }: { holderId: string; platformId: string; day: string },
): Promise<Stance> {
  const { rows } = await sql<Stance>`
    select
      coalesce((
        select jsonb_agg(jsonb_build_object(
          'dataset', dataset, 'minimumLevel', minimum_level, 'regions', to_jsonb(regions), 'certificates', to_jsonb(certificates)))
        from holder_conditions where holder_id = ${holderId}), '[]') as "conditions",
      coalesce((
        select jsonb_agg(dataset) from platform_exclusions where holder_id = ${holderId} and platform_id = ${platformId}), '[]') as "excluded",
      (
        select jsonb_build_object('state', state, 'testAccounts', to_jsonb(test_accounts))
        from platform_access where holder_id = ${holderId} and platform_id = ${platformId}) as "access",
      coalesce((
        select jsonb_agg(certificate) from platform_certificates where platform_id = ${platformId} and valid_until >= ${day}), '[]')
        as "certificates"`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error("a select without a table gives one row");
  return row;
}

export function writeConditions(db: Database): ConditionsWriter {
  return {
    set: async ({ reason, ...plain }) => {
      const { holderId, dataset, ...replaced } = { ...plain, reason: jsonOrNull(reason) };
      await db
        .insertInto("holderConditions")
        .values({ holderId, dataset, ...replaced })
        .onConflict((conflict) => conflict.columns(["holderId", "dataset"]).doUpdateSet(replaced))
        .execute();
    },
    unset: async (holderId, dataset) => {
      const gone = db.deleteFrom("holderConditions").where("holderId", "=", holderId).where("dataset", "=", dataset);
      return (await gone.executeTakeFirst()).numDeletedRows === 1n;
    },
    exclude: async ({ reason, ...plain }) => {
      const { holderId, platformId, dataset, ...replaced } = { ...plain, reason: json(reason) };
      await db
        .insertInto("platformExclusions")
        .values({ holderId, platformId, dataset, ...replaced })
        .onConflict((conflict) => conflict.columns(["holderId", "platformId", "dataset"]).doUpdateSet(replaced))
        .execute();
    },
    lift: async ({ holderId, platformId, dataset }) => {
      const gone = db
        .deleteFrom("platformExclusions")
        .where("holderId", "=", holderId)
        .where("platformId", "=", platformId)
        .where("dataset", "=", dataset);
      return (await gone.executeTakeFirst()).numDeletedRows === 1n;
    },
    setAccess: async ({ reason, ...plain }) => {
      const { holderId, platformId, ...replaced } = { ...plain, reason: jsonOrNull(reason) };
      await db
        .insertInto("platformAccess")
        .values({ holderId, platformId, ...replaced })
        .onConflict((conflict) => conflict.columns(["holderId", "platformId"]).doUpdateSet(replaced))
        .execute();
    },
    addReview: async (review) => {
      await db.insertInto("holderReviews").values(review).execute();
    },
    putCertificate: async ({ platformId, certificate, ...replaced }) => {
      await db
        .insertInto("platformCertificates")
        .values({ platformId, certificate, ...replaced })
        .onConflict((conflict) => conflict.columns(["platformId", "certificate"]).doUpdateSet(replaced))
        .execute();
    },
    dropCertificates: async (platformId) => {
      await db.deleteFrom("platformCertificates").where("platformId", "=", platformId).execute();
    },
    lock: async (holderId) => {
      await sql`select pg_advisory_xact_lock(${LOCKS_OF.holderConditions}, hashtext(${holderId}))`.execute(db);
    },
  };
}
