import { sql } from "kysely";
import type { AccreditationsWriter } from "../core/register/accreditations.ts";
import { GIVEN, type ProbeRunRow } from "../core/register/application.ts";
import type { Database } from "./pool.ts";
import { found, json, jsonOrNull } from "./rows.ts";

export function writeAccreditations(db: Database): AccreditationsWriter {
  return { ...writeOrganisations(db), ...writeApplications(db), ...writeCaseFile(db), ...writeMembers(db), ...writeRuns(db) };
}

function writeOrganisations(db: Database) {
  return {
    addOrganisation: async (organisation) => void (await db.insertInto("organisations").values(organisation).execute()),
    lockOrganisation: async (id) =>
      found(await db.selectFrom("organisations").selectAll().where("id", "=", id).forNoKeyUpdate().executeTakeFirst(), "organisation"),
    renameOrganisation: async (id, { name, country }) =>
      void (await db.updateTable("organisations").set({ name, country }).where("id", "=", id).execute()),
    putOrganisationProposal: async ({ reasons, remedy, ...proposal }) => {
      const row = { ...proposal, reasons: json(reasons), remedy: jsonOrNull(remedy) };
      await db
        .insertInto("organisationProposals")
        .values(row)
        .onConflict((conflict) => conflict.columns(["organisationId", "kind"]).doUpdateSet(row))
        .execute();
    },
    dropOrganisationProposals: async (id) => void (await db.deleteFrom("organisationProposals").where("organisationId", "=", id).execute()),
    setOrganisationStatus: async (id, status) =>
      void (await db.updateTable("organisations").set({ status }).where("id", "=", id).execute()),
    attach: async (participantId, organisationId) =>
      void (await db.insertInto("organisationParticipants").values({ participantId, organisationId }).execute()),
  } satisfies Partial<AccreditationsWriter>;
}

function writeApplications(db: Database) {
  return {
    addApplication: async ({ answers, submittedAnswers, ...plain }) =>
      void (await db
        .insertInto("applications")
        .values({ ...plain, answers: json(answers), submittedAnswers: jsonOrNull(submittedAnswers) })
        .execute()),
    lockApplication: async (id) =>
      found(await db.selectFrom("applications").selectAll().where("id", "=", id).forUpdate().executeTakeFirst(), "application"),
    moveApplication: async (id, from, to, { submittedAnswers, ...plain }) => {
      const answers = submittedAnswers === undefined ? {} : { submittedAnswers: jsonOrNull(submittedAnswers) };
      const moved = await db
        .updateTable("applications")
        .set({ state: to, ...plain, ...answers })
        .where("id", "=", id)
        .where("state", "in", from)
        .executeTakeFirst();
      return moved.numUpdatedRows === 1n;
    },
    endWithCharter: async (version, at) => {
      await sql`
        update trust_marks set expires_at = ${at}
        where revoked_at is null and expires_at > ${at} and right(type, length(${version}::text) + 1) = '/' || ${version}`.execute(db);
      const ended = await db
        .updateTable("applications")
        .set({ until: at })
        .where("charterVersion", "=", version)
        .where("state", "in", GIVEN)
        .where("until", ">", at)
        .executeTakeFirst();
      return Number(ended.numUpdatedRows);
    },
    setAnswers: async (id, answers) =>
      void (await db
        .updateTable("applications")
        .set({ answers: json(answers) })
        .where("id", "=", id)
        .execute()),
    putResults: async (applicationId, round, results) => {
      await db.deleteFrom("criterionResults").where("applicationId", "=", applicationId).where("round", "=", round).execute();
      const rows = results.map(({ because, ...result }) => ({ applicationId, round, ...result, because: json(because) }));
      if (rows.length > 0) await db.insertInto("criterionResults").values(rows).execute();
    },
  } satisfies Partial<AccreditationsWriter>;
}

function writeCaseFile(db: Database) {
  return {
    addEvidence: async (evidence, content) =>
      void (await db
        .insertInto("evidence")
        .values({ ...evidence, content: Buffer.from(content), removedAt: null })
        .execute()),
    removeEvidence: async (id, at) => void (await db.updateTable("evidence").set({ removedAt: at }).where("id", "=", id).execute()),
    copyEvidence: async (copies) => {
      for (const { of, id, applicationId } of copies)
        await sql`
          insert into evidence (id, application_id, kind, file_name, media_type, bytes, sha256, date, issuer, certificate, valid_until, added_at, content)
          select ${id}, ${applicationId}, kind, file_name, media_type, bytes, sha256, date, issuer, certificate, valid_until, added_at, content from evidence where id = ${of}`.execute(
          db,
        );
    },
    addReview: async ({ reasons, remedy, ...review }) =>
      void (await db
        .insertInto("reviews")
        .values({ ...review, reasons: json(reasons), remedy: jsonOrNull(remedy) })
        .execute()),
    addMessage: async (message) => void (await db.insertInto("applicationMessages").values(message).execute()),
    putProposal: async ({ reasons, remedy, ...proposal }) => {
      const row = { ...proposal, reasons: json(reasons), remedy: jsonOrNull(remedy) };
      const { participantId: _, kind: __, ...replaced } = row;
      await db
        .insertInto("proposals")
        .values(row)
        .onConflict((conflict) => conflict.columns(["participantId", "kind"]).doUpdateSet(replaced))
        .execute();
    },
    dropProposals: async (participantId) => void (await db.deleteFrom("proposals").where("participantId", "=", participantId).execute()),
    addSignature: async (signature) => {
      const added = await db
        .insertInto("charterSignatures")
        .values(signature)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      return added.numInsertedOrUpdatedRows === 1n;
    },
    addDecision: async ({ reasons, remedy, appeal, deciders, effects, ...decision }) =>
      void (await db
        .insertInto("decisions")
        .values({
          ...decision,
          reasons: json(reasons),
          remedy: jsonOrNull(remedy),
          appeal: jsonOrNull(appeal),
          deciders: json(deciders),
          effects: json(effects),
        })
        .execute()),
    addAuthorityView: async (view) => void (await db.insertInto("authorityViews").values(view).execute()),
  } satisfies Partial<AccreditationsWriter>;
}

function writeMembers(db: Database) {
  return {
    addMembership: async (membership) =>
      void (await db
        .insertInto("memberships")
        .values(membership)
        .onConflict((conflict) => conflict.doNothing())
        .execute()),
    addInvitation: async (invitation) =>
      void (await db
        .insertInto("invitations")
        .values({ ...invitation, usedAt: null })
        .execute()),
    useInvitation: async (tokenHash, now) =>
      (
        await db
          .updateTable("invitations")
          .set({ usedAt: now })
          .where("tokenHash", "=", tokenHash)
          .where("usedAt", "is", null)
          .where("expiresAt", ">", now)
          .returning("participantId")
          .executeTakeFirst()
      )?.participantId ?? null,
    putChallenge: async (challenge) => {
      const { participantId: _, ...replaced } = challenge;
      await db
        .insertInto("challenges")
        .values(challenge)
        .onConflict((conflict) => conflict.column("participantId").doUpdateSet(replaced))
        .execute();
    },
  } satisfies Partial<AccreditationsWriter>;
}

function writeRuns(db: Database) {
  return {
    addRun: async (run) => {
      const added = await db
        .insertInto("probeRuns")
        .values({ ...run, leaseUntil: null, tries: 0, endedAt: null, concludedAt: null, candidate: null })
        .onConflict((conflict) => conflict.column("participantId").where("endedAt", "is", null).doNothing())
        .executeTakeFirst();
      return added.numInsertedOrUpdatedRows === 1n;
    },
    claimRun: async (leaseSeconds) =>
      (await db
        .updateTable("probeRuns")
        .set((e) => ({ leaseUntil: sql<Date>`now() + make_interval(secs => ${leaseSeconds})`, tries: e("tries", "+", 1) }))
        .where("id", "=", (e) =>
          e
            .selectFrom("probeRuns")
            .select("id")
            .where("endedAt", "is", null)
            .where((f) => f.or([f("leaseUntil", "is", null), f("leaseUntil", "<", sql<Date>`now()`)]))
            .orderBy("askedAt")
            .limit(1)
            .forUpdate()
            .skipLocked(),
        )
        .returningAll()
        .executeTakeFirst()) ?? null,
    endRun: async (id, at, results, candidate = null) => {
      const ended = await db
        .updateTable("probeRuns")
        .set({ endedAt: at, candidate })
        .where("id", "=", id)
        .where("endedAt", "is", null)
        .executeTakeFirst();
      if (ended.numUpdatedRows !== 1n) return false;
      const rows = results.map(({ title, detail, ...result }) => ({ runId: id, ...result, title: json(title), detail: json(detail) }));
      if (rows.length > 0) await db.insertInto("probeResults").values(rows).execute();
      return true;
    },
    concludeRun: async (id: ProbeRunRow["id"], at: Date) =>
      (await db.updateTable("probeRuns").set({ concludedAt: at }).where("id", "=", id).where("concludedAt", "is", null).executeTakeFirst())
        .numUpdatedRows === 1n,
  } satisfies Partial<AccreditationsWriter>;
}
