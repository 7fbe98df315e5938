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
import { versionOf, versionedRows, type Place, type Row } from "./versioned-rows.ts";

const MARK = [
  "id",
  "participantId",
  "type",
  "level",
  "jwt",
  "issuedAt",
  "expiresAt",
  "revokedAt",
  "statusIndex",
] as const satisfies (keyof TrustMark)[];
const newestMark = (whose: string, as: string): string =>
  `left join lateral (select m.id, ${versionOf("m")} as version from ${SCHEMA}.trust_marks m
    where participant_id = c.${whose} order by (revoked_at is null) desc, issued_at desc limit 1) ${as} on true`;

/**
 * Each is one prepared statement for all who ask meanwhile: one snapshot and one way to the database, where a transaction of single reads is ten. Of the
 * large rows it says which version is there; those that are not known yet are fetched.
 */
const STATEMENTS = {
  participant: `select entity_id, id as participant_id, ${versionOf("p")} as participant_version from ${SCHEMA}.participants p where entity_id = any($1)`,
  consent: `select id as consent_id, ${versionOf("c")} as consent_version from ${SCHEMA}.consents c where id = any($1)`,
  standing: `select asked.place, c.id as consent_id, ${versionOf("c")} as consent_version,
    s.id as source_id, ${versionOf("s")} as source_version, d.id as destination_id, ${versionOf("d")} as destination_version,
    l.id as link_id, ${versionOf("l")} as link_version,
    ms.id as source_mark_id, ms.version as source_mark_version, md.id as destination_mark_id, md.version as destination_mark_version,
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
    join ${SCHEMA}.participants s on s.id = c.source_id
    join ${SCHEMA}.participants d on d.id = c.destination_id
    left join ${SCHEMA}.account_links l on l.id = c.source_link_id and l.removed_at is null
    ${newestMark("source_id", "ms")}
    ${newestMark("destination_id", "md")}`,
} as const;

export function createStandings(pool: pg.Pool): Standings {
  const ask = async (name: string, text: string, values: unknown[]): Promise<Row[]> => {
    try {
      return (await pool.query<Row>({ name: `standings_${name}`, text, values })).rows;
    } catch (cause) {
      throw new RelaisError("unavailable", "The database does not answer. Try again in a moment; if it lasts, tell the operator.", {
        cause,
      });
    }
  };
  const consents = versionedRows<Consent>(ask, "consents");
  const participants = versionedRows<Participant>(ask, "participants", COLUMNS);
  const links = versionedRows<AccountLink>(ask, "account_links", LINK);
  const marks = versionedRows<TrustMark>(ask, "trust_marks", MARK);
  const find = gathered<{ id: ConsentId; today: string }, Found | null>(async (asked) => {
    const rows = await ask("standing", STATEMENTS.standing, [asked.map(({ id }) => id), asked.map(({ today }) => today)]);
    const [consent, participant, link, mark] = await Promise.all([
      consents(placesIn(rows, "consent")),
      participants(placesIn(rows, "source", "destination")),
      links(placesIn(rows, "link")),
      marks(placesIn(rows, "source_mark", "destination_mark")),
    ]);
    return asked.map((_, index) => {
      const row = rows.find(({ place }) => place === index + 1);
      if (row === undefined) return null;
      const named = <T>(known: Map<string, T>, ...names: string[]) => names.flatMap((name) => known.get(row[`${name}_id`] as string) ?? []);
      const ends = named(participant, "source", "destination");
      const reader = readerOf(row, { ends, marks: named(mark, "source_mark", "destination_mark"), links: named(link, "link") });
      return { consent: consent.get(row["consent_id"] as string), reader };
    });
  });
  return {
    findParticipant: gathered(async (entityIds) => {
      const rows = await ask("participant", STATEMENTS.participant, [entityIds]);
      const known = await participants(placesIn(rows, "participant"));
      return entityIds.map(
        (entityId) => known.get(rows.find((row) => row["entity_id"] === entityId)?.["participant_id"] as string) ?? null,
      );
    }),
    findConsent: gathered(async (ids) => {
      const known = await consents(placesIn(await ask("consent", STATEMENTS.consent, [ids]), "consent"));
      return ids.map((id) => known.get(id) ?? null);
    }),
    find: async (id, now) => {
      const row = await find({ id, today: now.toISOString().slice(0, 10) });
      return row?.consent ? { consent: row.consent, reader: row.reader } : null;
    },
  };
}

interface Found {
  consent: Consent | undefined;
  reader: StandingReader;
}

/** Which version of which rows these say. */
function placesIn(rows: Row[], ...names: string[]): Place[] {
  const place = (row: Row, of: string) =>
    row[`${of}_id`] === null ? [] : [{ id: row[`${of}_id`], version: row[`${of}_version`] } as Place];
  return names.flatMap((of) => rows.flatMap((row) => place(row, of)));
}

/** Answers what was read, as a Reader would; of anybody else it knows nothing. */
function readerOf(row: Row, { ends, marks, links }: { ends: Participant[]; marks: TrustMark[]; links: AccountLink[] }): StandingReader {
  const { conditions, excluded, access, certificates } = row;
  const byId = <T extends { id: string }>(known: T[], id: string) => known.find((one) => one.id === id);
  return {
    participants: {
      get: async (id) => found(byId(ends, id), "participant"),
      findMark: async (id) => marks.find((mark) => mark.participantId === id) ?? null,
    },
    people: { getLink: async (id) => found(byId(links, id), "link") },
    conditions: { stance: async () => ({ conditions, excluded, access, certificates }) as Stance },
  };
}
