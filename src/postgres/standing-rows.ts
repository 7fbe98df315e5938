import type { Consent } from "../core/consent/consent.ts";
import type { AccountLink } from "../core/person/person.ts";
import type { StandingReader } from "../core/consent/standings.ts";
import type { Stance } from "../core/policy/conditions.ts";
import type { Participant, TrustMark } from "../core/register/participant.ts";
import { LINK } from "./people.ts";
import { SCHEMA } from "./pool.ts";
import { found } from "./rows.ts";
import { versionOf, versionedRows, type Ask, type Place, type Row, type VersionedRows } from "./versioned-rows.ts";

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

/** All that `checkStanding` reads of the consent `c` on the day `asked.today`: of the large rows, which version there is. */
export const STANDING = `c.id as consent_id, c.version as consent_version,
    s.id as source_id, s.version as source_version, d.id as destination_id, d.version as destination_version,
    l.id as link_id, l.version as link_version, ld.id as destination_link_id, ld.version as destination_link_version,
    ms.id as source_mark_id, ms.version as source_mark_version, md.id as destination_mark_id, md.version as destination_mark_version,
    coalesce((select jsonb_agg(jsonb_build_object(
        'dataset', dataset, 'minimumLevel', minimum_level, 'regions', to_jsonb(regions), 'certificates', to_jsonb(certificates)))
      from ${SCHEMA}.holder_conditions where holder_id = c.source_id), '[]') as conditions,
    coalesce((select jsonb_agg(dataset) from ${SCHEMA}.platform_exclusions
      where holder_id = c.source_id and platform_id = c.destination_id), '[]') as excluded,
    (select jsonb_build_object('state', state, 'testAccounts', to_jsonb(test_accounts)) from ${SCHEMA}.platform_access
      where holder_id = c.source_id and platform_id = c.destination_id) as access,
    coalesce((select jsonb_agg(certificate) from ${SCHEMA}.platform_certificates
      where platform_id = c.destination_id and valid_until >= asked.today), '[]') as certificates`;

/**
 * One row by its id: by `offset 0` PostgreSQL looks it up, and does not look among all that there are, however few these were when it made its plan. No
 * condition stands there that a partial index fits: while there is next to nothing, that index looks as good as the key.
 */
const lookedUp = (table: string, id: string, as: string, more = ""): string =>
  `left join lateral (select one.id, ${versionOf("one")} as version${more} from ${SCHEMA}.${table} one where one.id = ${id} offset 0) ${as}`;

/** `consentId`: what names the consent of a row of `asked`. Without one, everything is null. */
export function standingOf(consentId: string): string {
  return `${lookedUp("consents", consentId, "c", ", source_id, destination_id, source_link_id, destination_link_id")} on true
    ${lookedUp("participants", "c.source_id", "s")} on true
    ${lookedUp("participants", "c.destination_id", "d")} on true
    ${lookedUp("account_links", "c.source_link_id", "l", ", removed_at")} on l.removed_at is null
    ${lookedUp("account_links", "c.destination_link_id", "ld", ", removed_at")} on ld.removed_at is null
    ${newestMark("source_id", "ms")}
    ${newestMark("destination_id", "md")}`;
}

export interface FoundStanding {
  consent: Consent;
  reader: StandingReader;
}

interface Tables {
  consents: VersionedRows<Consent>;
  participants: VersionedRows<Participant>;
}

/** Makes of rows of `STANDING` what they stand for, in their order; null where there is no such consent. */
export function standingRows(ask: Ask, { consents, participants }: Tables): (rows: Row[]) => Promise<(FoundStanding | null)[]> {
  const links = versionedRows<AccountLink>(ask, "account_links", LINK);
  const marks = versionedRows<TrustMark>(ask, "trust_marks", MARK);
  return async (rows) => {
    const [consent, participant, link, mark] = await Promise.all([
      consents(placesIn(rows, "consent")),
      participants(placesIn(rows, "source", "destination")),
      links(placesIn(rows, "link", "destination_link")),
      marks(placesIn(rows, "source_mark", "destination_mark")),
    ]);
    return rows.map((row) => {
      const named = <T>(known: Map<string, T>, ...names: string[]) => names.flatMap((name) => known.get(row[`${name}_id`] as string) ?? []);
      const ends = named(participant, "source", "destination");
      const reader = readerOf(row, {
        ends,
        marks: named(mark, "source_mark", "destination_mark"),
        links: named(link, "link", "destination_link"),
      });
      const [given] = named(consent, "consent");
      return given === undefined ? null : { consent: given, reader };
    });
  };
}

/** Which version of which rows these say. */
export function placesIn(rows: Row[], ...names: string[]): Place[] {
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
