import { sql } from "kysely";
import type { OrganisationId } from "../core/register/application.ts";
import {
  DELIVERY_MONTHS,
  type ParticipationFacts,
  type ParticipationLevel,
  type ParticipationRow,
  type ParticipationsReader,
  type ParticipationsWriter,
} from "../core/register/participation.ts";
import type { Database } from "./pool.ts";

type FactRow = Omit<ParticipationFacts, "joined"> & { organisationId: OrganisationId; level: ParticipationLevel | null };

export function readParticipations(db: Database): ParticipationsReader {
  return {
    facts: async ({ now, organisationId }) => {
      const one = organisationId ?? null;
      const { rows } = await sql<{ row: FactRow }>`
        select json_build_object('organisationId', o.id,
          'charter_signed', exists (select from organisation_participants p join charter_signatures s on s.participant_id = p.participant_id
            where p.organisation_id = o.id),
          'data_described', exists (select from organisation_participants p join participants e on e.id = p.participant_id
            where p.organisation_id = o.id and jsonb_array_length(e.datasets) > 0),
          'data_given_back', exists (select from organisation_participants p join participants e on e.id = p.participant_id
            join transfers t on t.source_id = p.participant_id
            where p.organisation_id = o.id and t.state = 'verified' and t.ended_at > ${now}::timestamptz - make_interval(months => ${DELIVERY_MONTHS})
              and not coalesce((e.about ->> 'synthetic')::boolean, false)),
          'level', (select level from participations h where h.organisation_id = o.id order by since desc limit 1)) as row
        from organisations o where ${one}::text is null or o.id = ${one}`.execute(db);
      return rows.map(({ row: { organisationId: id, level, ...facts } }) => ({
        organisationId: id,
        facts: { joined: true, ...facts },
        level,
      }));
    },
    history: (organisationId) =>
      db.selectFrom("participations").selectAll().where("organisationId", "=", organisationId).orderBy("since").execute(),
  };
}

export function writeParticipations(db: Database): ParticipationsWriter {
  return {
    put: async ({ organisationId, level, since }: ParticipationRow) => {
      await db.selectFrom("organisations").select("id").where("id", "=", organisationId).forNoKeyUpdate().execute();
      await sql`
        insert into participations (organisation_id, level, since) select ${organisationId}, ${level}, ${since}
        where ${level} is distinct from (select level from participations where organisation_id = ${organisationId} order by since desc limit 1)
        on conflict do nothing`.execute(db);
    },
  };
}
