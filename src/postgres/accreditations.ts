import { sql } from "kysely";
import type { ParticipantId, PersonId } from "../core/ids.ts";
import { GIVEN } from "../core/register/application.ts";
import type { Application, Evidence, WaitingProposal } from "../core/register/application.ts";
import type { AccreditationsReader } from "../core/register/accreditations.ts";
import type { Database } from "./pool.ts";
import { found } from "./rows.ts";

const OPEN = ["draft", "submitted", "checking", "in_review", "changes_requested", "reopened"] as const;

export function readAccreditations(db: Database): AccreditationsReader {
  return {
    ...readApplications(db),
    ...readCaseFile(db),
    ...readDecisions(db),
    ...readOrganisations(db),
    ...readProbes(db),
    ...readDue(db),
  };
}

function readApplications(db: Database) {
  const all = db.selectFrom("applications").selectAll();
  const newest = (participantId: ParticipantId) => all.where("participantId", "=", participantId).orderBy("createdAt", "desc");
  return {
    getApplication: async (id) => found<Application>(await all.where("id", "=", id).executeTakeFirst(), "application"),
    applicationsOf: (participantId) => newest(participantId).execute(),
    findOpen: async (participantId) => (await newest(participantId).where("state", "in", OPEN).executeTakeFirst()) ?? null,
    findGiven: async (participantId) => (await newest(participantId).where("state", "in", GIVEN).executeTakeFirst()) ?? null,
    queue: (states, limit) => all.where("state", "in", states).orderBy("changedAt").limit(limit).execute(),
  } satisfies Partial<AccreditationsReader>;
}

const EVIDENCE = [
  "id",
  "applicationId",
  "kind",
  "fileName",
  "mediaType",
  "bytes",
  "sha256",
  "date",
  "issuer",
  "certificate",
  "validUntil",
  "addedAt",
] as const satisfies (keyof Evidence)[];

function readCaseFile(db: Database) {
  const evidence = db.selectFrom("evidence").where("removedAt", "is", null);
  return {
    results: (id, round) =>
      db
        .selectFrom("criterionResults")
        .select(["criterion", "outcome", "because", "checkedAt", "dueAt"])
        .where("applicationId", "=", id)
        .where("round", "=", round)
        .orderBy("criterion")
        .execute(),
    evidenceOf: (id) => evidence.select(EVIDENCE).where("applicationId", "=", id).orderBy("addedAt").execute(),
    getEvidence: async (id) =>
      found(
        await evidence
          .select([...EVIDENCE, "content"])
          .where("id", "=", id)
          .executeTakeFirst(),
        "piece of evidence",
      ),
    reviews: (id, round) =>
      db.selectFrom("reviews").selectAll().where("applicationId", "=", id).where("round", "=", round).orderBy("at").execute(),
    messages: (id) =>
      db
        .selectFrom("applicationMessages")
        .select(["applicationId", "author", "name", "text", "at"])
        .where("applicationId", "=", id)
        .orderBy("sequence")
        .execute(),
    proposals: (participantId) => db.selectFrom("proposals").selectAll().where("participantId", "=", participantId).orderBy("at").execute(),
    organisationProposals: (id) =>
      db.selectFrom("organisationProposals").selectAll().where("organisationId", "=", id).orderBy("at").execute(),
    waitingProposals: (limit) => waitingProposals(db, limit),
    signatures: (participantId) =>
      db.selectFrom("charterSignatures").selectAll().where("participantId", "=", participantId).orderBy("signedAt", "desc").execute(),
  } satisfies Partial<AccreditationsReader>;
}

async function waitingProposals(db: Database, limit: number): Promise<WaitingProposal[]> {
  const ofParticipants = await db
    .selectFrom("proposals as asked")
    .innerJoin("participants", "participants.id", "asked.participantId")
    .select(["asked.kind", "asked.proposer", "asked.at", "participants.name", "asked.participantId", sql<null>`null`.as("organisationId")])
    .orderBy("asked.at")
    .limit(limit)
    .execute();
  const ofOrganisations = await db
    .selectFrom("organisationProposals as asked")
    .innerJoin("organisations", "organisations.id", "asked.organisationId")
    .select(["asked.kind", "asked.proposer", "asked.at", "organisations.name", sql<null>`null`.as("participantId"), "asked.organisationId"])
    .orderBy("asked.at")
    .limit(limit)
    .execute();
  return [...ofParticipants, ...ofOrganisations].sort((a, b) => a.at.getTime() - b.at.getTime()).slice(0, limit);
}

function readDecisions(db: Database) {
  const all = db.selectFrom("decisions").selectAll();
  return {
    getDecision: async (id) => found(await all.where("id", "=", id).executeTakeFirst(), "decision"),
    decisions: ({ participantId, limit }) =>
      (participantId === undefined ? all : all.where("participantId", "=", participantId))
        .orderBy("decidedAt", "desc")
        .orderBy("logIndex", "desc")
        .limit(limit)
        .execute(),
    lastDecision: async (participantId, kinds) =>
      (await all
        .where("participantId", "=", participantId)
        .where("kind", "in", kinds)
        .orderBy("decidedAt", "desc")
        .orderBy("logIndex", "desc")
        .limit(1)
        .executeTakeFirst()) ?? null,
    authorityViews: (limit) => db.selectFrom("authorityViews").selectAll().orderBy("at", "desc").limit(limit).execute(),
  } satisfies Partial<AccreditationsReader>;
}

function readOrganisations(db: Database) {
  return {
    getOrganisation: async (id) =>
      found(await db.selectFrom("organisations").selectAll().where("id", "=", id).executeTakeFirst(), "organisation"),
    joinedSince: async (at) => {
      const { count } = await db
        .selectFrom("organisations")
        .select((e) => e.fn.countAll<string>().as("count"))
        .where("createdAt", ">=", at)
        .executeTakeFirstOrThrow();
      return Number(count);
    },
    findOrganisationOf: async (participantId) =>
      (await db
        .selectFrom("organisations")
        .innerJoin("organisationParticipants", "organisationParticipants.organisationId", "organisations.id")
        .selectAll("organisations")
        .where("participantId", "=", participantId)
        .executeTakeFirst()) ?? null,
    participantsOf: async (id) =>
      (
        await db
          .selectFrom("organisationParticipants")
          .select("participantId")
          .where("organisationId", "=", id)
          .orderBy("participantId")
          .execute()
      ).map((row) => row.participantId),
    memberships: (personId: PersonId) => db.selectFrom("memberships").selectAll().where("personId", "=", personId).execute(),
    actsFor: async ({ issuer, subject }, participantId) =>
      (await db
        .selectFrom("memberships")
        .innerJoin("people", "people.id", "memberships.personId")
        .select("people.id")
        .where("people.issuer", "=", issuer)
        .where("people.subject", "=", subject)
        .where("participantId", "=", participantId)
        .executeTakeFirst()) !== undefined,
    findChallenge: async (participantId) =>
      (await db.selectFrom("challenges").select("value").where("participantId", "=", participantId).executeTakeFirst())?.value ?? null,
  } satisfies Partial<AccreditationsReader>;
}

function readProbes(db: Database) {
  const runs = db.selectFrom("probeRuns").selectAll();
  return {
    probes: (participantId) =>
      db
        .selectFrom("probeResults")
        .innerJoin("probeRuns", "probeRuns.id", "probeResults.runId")
        .distinctOn("probe")
        .select(["runId", "probe", "outcome", "title", "detail", "reproduce", "startedAt", "milliseconds"])
        .where("participantId", "=", participantId)
        .where("endedAt", "is not", null)
        .orderBy("probe")
        .orderBy("startedAt", "desc")
        .execute(),
    getRun: async (id) => found(await runs.where("id", "=", id).executeTakeFirst(), "run of checks"),
    findRun: async (participantId) =>
      (await runs.where("participantId", "=", participantId).orderBy("askedAt", "desc").limit(1).executeTakeFirst()) ?? null,
    runsToConclude: ({ limit, except }) =>
      runs
        .where("endedAt", "is not", null)
        .where("concludedAt", "is", null)
        .where(sql<boolean>`id <> all (${[...except]}::text[])`)
        .orderBy("endedAt")
        .limit(limit)
        .execute(),
  } satisfies Partial<AccreditationsReader>;
}

function readDue(db: Database) {
  return {
    dueForProbes: async (before, limit) =>
      (
        await db
          .selectFrom("participants")
          .select("id")
          .where("adapter", "=", "self-data")
          .where((e) =>
            e.exists(
              e.selectFrom("applications").select("id").whereRef("participantId", "=", "participants.id").where("state", "in", GIVEN),
            ),
          )
          .where(
            sql<boolean>`not exists (select from ${sql.table("relais.probe_runs")} r where r.participant_id = participants.id and (r.ended_at is null or r.ended_at > ${before}))`,
          )
          .orderBy("id")
          .limit(limit)
          .execute()
      ).map((row) => row.id),
    endingBefore: (at, limit) =>
      db.selectFrom("applications").selectAll().where("state", "in", GIVEN).where("until", "<", at).orderBy("until").limit(limit).execute(),
    endedWithoutApplication: async (now, limit) => {
      const { rows } = await sql<{ id: ParticipantId }>`
        select p.id from participants p where p.status = 'accredited'
          and not exists (select from trust_marks m where m.participant_id = p.id and m.revoked_at is null and m.expires_at > ${now})
          and not exists (select from applications a where a.participant_id = p.id and a.state in ('accredited', 'suspended', 'reinstated'))
        order by p.id limit ${limit}`.execute(db);
      return rows.map(({ id }) => id);
    },
    reach: async (id) => {
      const { rows } = await sql<{ transfers: number; permissions: number }>`
        with p as (select id, not 'platform' = any (roles) as as_source from participants where id = ${id})
        select
          (select count(*) from transfers t, p where t.ended_at is null and t.state not in ('paused', 'received')
             and (t.destination_id = p.id or (p.as_source and t.source_id = p.id)))::int as transfers,
          (select count(*) from consents c, p where c.state = 'active'
             and (c.destination_id = p.id or (p.as_source and c.source_id = p.id)))::int as permissions`.execute(db);
      return rows[0] ?? { transfers: 0, permissions: 0 };
    },
    pastDue: async (now, limit) =>
      (
        await db
          .selectFrom("criterionResults")
          .innerJoin("applications", "applications.id", "criterionResults.applicationId")
          .select("applications.id")
          .distinct()
          .whereRef("applications.round", "=", "criterionResults.round")
          .where("applications.state", "in", ["accredited", "reinstated"])
          .where("criterionResults.outcome", "!=", "met")
          .where("criterionResults.dueAt", "<", now)
          .limit(limit)
          .execute()
      ).map((row) => row.id),
  } satisfies Partial<AccreditationsReader>;
}
