import type pg from "pg";
import { RelaisError } from "../core/errors.ts";
import type { Consent } from "../core/consent/consent.ts";
import type { ConsentId } from "../core/ids.ts";
import type { AccountLink } from "../core/person/person.ts";
import type { StandingReader, Standings } from "../core/ports.ts";
import type { Stance } from "../core/policy/conditions.ts";
import type { Participant, TrustMark } from "../core/register/participant.ts";
import { gathered } from "./gathered.ts";
import { COLUMNS } from "./participants.ts";
import { LINK } from "./people.ts";
import { SCHEMA } from "./pool.ts";
import { found } from "./rows.ts";

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const PARTICIPANT = `select ${COLUMNS.map(snake).join(", ")} from ${SCHEMA}.participants`;
const LINKED = `select ${LINK.map(snake).join(", ")} from ${SCHEMA}.account_links`;
const newestMark = (whose: string): string =>
  `(select to_jsonb(m) from (select id, participant_id, type, level, jwt, issued_at, expires_at, revoked_at, status_index from ${SCHEMA}.trust_marks
    where participant_id = c.${whose} order by (revoked_at is null) desc, issued_at desc limit 1) m)`;

/**
 * Each is one prepared statement for all who ask meanwhile: one snapshot and one way to the database, where a transaction of single reads is ten. What
 * it says is what the tables say at that moment; nothing is kept.
 */
const STATEMENTS = {
  participant: `${PARTICIPANT} where entity_id = any($1)`,
  standing: `select asked.place, to_jsonb(c) as consent, to_jsonb(s) as source, to_jsonb(d) as destination, to_jsonb(l) as link,
    ${newestMark("source_id")} as source_mark, ${newestMark("destination_id")} as destination_mark,
    coalesce((select jsonb_agg(jsonb_build_object(
        'dataset', dataset, 'minimumLevel', minimum_level, 'regions', to_jsonb(regions), 'certificates', to_jsonb(certificates)))
      from ${SCHEMA}.holder_conditions where holder_id = c.source_id), '[]') as conditions,
    coalesce((select jsonb_agg(dataset) from ${SCHEMA}.platform_exclusions
      where holder_id = c.source_id and platform_id = c.destination_id), '[]') as excluded,
    (select jsonb_build_object('state', state, 'testAccounts', to_jsonb(test_accounts)) from ${SCHEMA}.platform_access
      where holder_id = c.source_id and platform_id = c.destination_id) as access,
    coalesce((select jsonb_agg(certificate) from ${SCHEMA}.platform_certificates
      where platform_id = c.destination_id and valid_until >= asked.today), '[]') as certificates
    from unnest($1::text[], $2::text[]) with ordinality as asked(id, today, place)
    join ${SCHEMA}.consents c on c.id = asked.id
    join lateral (${PARTICIPANT} where id = c.source_id) s on true
    join lateral (${PARTICIPANT} where id = c.destination_id) d on true
    left join lateral (${LINKED} where id = c.source_link_id and removed_at is null) l on true`,
} as const;

type Row = Record<string, unknown>;

export function createStandings(pool: pg.Pool): Standings {
  const ask = async (name: keyof typeof STATEMENTS, values: unknown[]): Promise<Row[]> => {
    try {
      return (await pool.query<Row>({ name: `standings_${name}`, text: STATEMENTS[name], values })).rows;
    } catch (cause) {
      throw new RelaisError("unavailable", "The database does not answer. Try again in a moment; if it lasts, tell the operator.", {
        cause,
      });
    }
  };
  const findParticipant = gathered<string, Row | undefined>(async (entityIds) => {
    const rows = await ask("participant", [entityIds]);
    return entityIds.map((entityId) => rows.find((row) => row["entity_id"] === entityId));
  });
  const find = gathered<{ id: ConsentId; today: string }, Row | undefined>(async (asked) => {
    const rows = await ask("standing", [asked.map(({ id }) => id), asked.map(({ today }) => today)]);
    return asked.map((_, index) => rows.find(({ place }) => place === index + 1));
  });
  return {
    findParticipant: async (entityId) => {
      const row = await findParticipant(entityId);
      return row === undefined ? null : (camel(row) as Participant);
    },
    find: async (id, now) => {
      const row = await find({ id, today: now.toISOString().slice(0, 10) });
      return row === undefined ? null : { consent: fromJson(row["consent"]) as Consent, reader: readerOf(row) };
    },
  };
}

/** Answers what was read, as a Reader would; of anybody else it knows nothing. */
function readerOf(row: Row): StandingReader {
  const participants = ["source", "destination"].map((end) => fromJson(row[end]) as Participant);
  const marks = ["source_mark", "destination_mark"].map((mark) => (row[mark] === null ? null : (fromJson(row[mark]) as TrustMark)));
  const link = row["link"] === null ? undefined : (fromJson(row["link"]) as AccountLink);
  const { conditions, excluded, access, certificates } = row;
  return {
    participants: {
      get: async (id) =>
        found(
          participants.find((one) => one.id === id),
          "participant",
        ),
      findMark: async (id) => marks.find((mark) => mark?.participantId === id) ?? null,
    },
    people: { getLink: async (id) => found(link?.id === id ? link : undefined, "link") },
    conditions: { stance: async () => ({ conditions, excluded, access, certificates }) as Stance },
  };
}

/** A row that came as JSON: its times are texts, and are those whose name ends so. */
function fromJson(value: unknown): unknown {
  const timed = (name: string, one: unknown) => (name.endsWith("_at") && typeof one === "string" ? new Date(one) : one);
  return camel(Object.fromEntries(Object.entries(value as Row).map(([name, one]) => [name, timed(name, one)])));
}

function camel(row: Row): unknown {
  const named = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(row).map(([name, one]) => [named(name), one]));
}
