import { sql } from "kysely";
import type { ProblemsReader, ProblemsWriter } from "../core/consent/problem-report.ts";
import type { Database } from "./pool.ts";
import { found } from "./rows.ts";

export function readProblems(db: Database): ProblemsReader {
  const all = db.selectFrom("problemReports").selectAll();
  return {
    get: async (id) => found(await all.where("id", "=", id).executeTakeFirst(), "problem"),
    of: (consentId) => all.where("consentId", "=", consentId).orderBy("createdAt", "desc").execute(),
    list: ({ participantId, limit }) => listed(db, participantId, limit),
    waiting: async (participantId) => {
      const { rows } = await sql<{ count: number }>`
        select count(*)::int as count from problem_reports r join consents c on c.id = r.consent_id
        where r.answered_at is null and (${participantId}::text is null
          or (r.addressee = 'source' and c.source_id = ${participantId}) or (r.addressee = 'destination' and c.destination_id = ${participantId}))`.execute(
        db,
      );
      return rows[0]?.count ?? 0;
    },
  };
}

async function listed(db: Database, participantId: string | undefined, limit: number): ReturnType<ProblemsReader["list"]> {
  const reports = await db
    .selectFrom("problemReports as report")
    .innerJoin("consents as consent", "consent.id", "report.consentId")
    .selectAll("report")
    .$if(participantId !== undefined, (query) =>
      query.where((e) =>
        e.or([
          e.and([e("report.addressee", "=", "source"), e("consent.sourceId", "=", participantId as `prt_${string}`)]),
          e.and([e("report.addressee", "=", "destination"), e("consent.destinationId", "=", participantId as `prt_${string}`)]),
        ]),
      ),
    )
    .orderBy((e) => e("report.answeredAt", "is", null), "desc")
    .orderBy("report.createdAt", "desc")
    .limit(limit)
    .execute();
  if (reports.length === 0) return [];
  const ids = reports.map((report) => report.consentId);
  const consents = new Map((await db.selectFrom("consents").selectAll().where("id", "in", ids).execute()).map((one) => [one.id, one]));
  return reports.flatMap((report) => {
    const consent = consents.get(report.consentId);
    return consent ? [{ report: report, consent }] : [];
  });
}

export function writeProblems(db: Database): ProblemsWriter {
  return {
    add: async (report) => {
      await db.insertInto("problemReports").values(report).execute();
    },
    answer: async (id, given) => {
      const answered = await db
        .updateTable("problemReports")
        .set(given)
        .where("id", "=", id)
        .where("answeredAt", "is", null)
        .executeTakeFirst();
      return answered.numUpdatedRows === 1n;
    },
  };
}
