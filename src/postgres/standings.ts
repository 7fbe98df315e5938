import type pg from "pg";
import type { Consent } from "../core/consent/consent.ts";
import type { ConsentId } from "../core/ids.ts";
import type { Recalled, Standings } from "../core/consent/standings.ts";
import type { Participant } from "../core/register/participant.ts";
import { gathered } from "./gathered.ts";
import { COLUMNS } from "./participants.ts";
import { SCHEMA } from "./pool.ts";
import { placesIn, STANDING, standingOf, standingRows, type FoundStanding } from "./standing-rows.ts";
import { translate } from "./store-errors.ts";
import { tokenQuestions } from "./token-questions.ts";
import { MOST, versionOf, versionedRows, type Row } from "./versioned-rows.ts";

/**
 * Each is one prepared statement for all who ask meanwhile: one snapshot and one way to the database, where a transaction of single reads is ten. Of the
 * large rows it says which version is there; those that are not known yet are fetched.
 */
const STATEMENTS = {
  participant: `select p.* from unnest($1::text[]) as asked(entity_id) cross join lateral (
      select entity_id, id as participant_id, ${versionOf("p")} as participant_version from ${SCHEMA}.participants p where p.entity_id = asked.entity_id offset 0) p`,
  consent: `select c.* from unnest($1::text[]) as asked(id) cross join lateral (
      select id as consent_id, ${versionOf("c")} as consent_version from ${SCHEMA}.consents c where c.id = asked.id offset 0) c`,
  standing: `select asked.place, ${STANDING} from unnest($1::text[], $2::text[]) with ordinality as asked(id, today, place) ${standingOf("asked.id")}`,
} as const;

export function createStandings(pool: pg.Pool): Standings {
  const ask = async (name: string, text: string, values: unknown[]): Promise<Row[]> => {
    try {
      return (await pool.query<Row>({ name: `standings_${name}`, text, values })).rows;
    } catch (error) {
      return translate(error);
    }
  };
  const consents = versionedRows<Consent>(ask, "consents");
  const participants = versionedRows<Participant>(ask, "participants", COLUMNS);
  const standings = standingRows(ask, { consents, participants });
  const find = gathered<{ id: ConsentId; today: string }, FoundStanding | null>(async (asked) => {
    const rows = await ask("standing", STATEMENTS.standing, [asked.map(({ id }) => id), asked.map(({ today }) => today)]);
    const known = await standings(rows);
    return asked.map((_, index) => known[rows.findIndex(({ place }) => place === index + 1)] ?? null);
  });
  const recalled = new Map<string, Recalled>();
  const findParticipant = gathered<string, Participant | null>(async (entityIds) => {
    const rows = await ask("participant", STATEMENTS.participant, [entityIds]);
    const known = await participants(placesIn(rows, "participant"));
    for (const row of rows) remember(recalled, row, known.get(row["participant_id"] as string));
    return entityIds.map((entityId) => known.get(rows.find((row) => row["entity_id"] === entityId)?.["participant_id"] as string) ?? null);
  });
  return {
    findParticipant,
    recall: (entityId) => recalled.get(entityId) ?? null,
    askOnce: tokenQuestions(ask, standings),
    findConsent: gathered(async (ids) => {
      const known = await consents(placesIn(await ask("consent", STATEMENTS.consent, [ids]), "consent"));
      return ids.map((id) => known.get(id) ?? null);
    }),
    find: (id, now) => find({ id, today: now.toISOString().slice(0, 10) }),
  };
}

function remember(recalled: Map<string, Recalled>, row: Row, participant: Participant | undefined): void {
  if (participant === undefined) return;
  if (recalled.size >= MOST) recalled.clear();
  recalled.set(participant.entityId, { participant, version: row["participant_version"] as string });
}
