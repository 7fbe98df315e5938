import type pg from "pg";
import { requestConsent } from "../../src/core/consent/request-consent.ts";
import { inDays, type Engine } from "./engine.ts";

export interface Crowd {
  count: number;
  recurrence: string | null;
  /** When all of them said yes. */
  decidedAt: Date;
  /** Keeps the ids of two crowds apart. */
  name?: string;
  /** Of whom all of them ask; unset: everybody has an account of their own there. */
  sourceAccount?: string;
  /** Unset: all that the source has. */
  datasets?: string[];
}

type Ends = Pick<Engine, "store" | "personId" | "source" | "destination"> & { ports: Parameters<typeof requestConsent>[0] };

/**
 * Many people who gave the same permission at the same moment, each between two accounts of their own. One is asked as in real life; the others are
 * its copies, and all of them become active by an update, as a yes does it.
 */
export async function seedCrowd(engine: Ends, pool: pg.Pool, crowd: Crowd): Promise<string[]> {
  const {
    count,
    recurrence,
    decidedAt,
    name = "crowd",
    sourceAccount = null,
    datasets = engine.source.datasets.map(({ id }) => id),
  } = crowd;
  const [source, destination] = await linksOf(engine);
  const one = await requestConsent(engine.ports, {
    personId: engine.personId,
    sourceLinkId: source,
    destinationLinkId: destination,
    action: "copy",
    datasets,
    purpose: "https://w3id.org/dpv#PersonalisedBenefits",
    recurrence,
    expires: inDays(300),
    retention: null,
    language: "fr",
    requester: null,
  });
  const id = (kind: string, n = "n") =>
    `'${kind}_' || left(translate(encode(sha256(convert_to($2::text || ${n}, 'UTF8')), 'base64'), '+/=', ''), 22)`;
  await pool.query(
    `with numbers as (select n from generate_series(1, $1::int) n),
     persons as (insert into relais.people (id, issuer, subject, created_at) select ${id("prs")}, 'https://id.test', $2::text || n, $4 from numbers),
     links as (
       insert into relais.account_links (id, person_id, participant_id, account, method, proved_at, inventory)
       select ${id("lnk", "n || e.side")}, ${id("prs")}, e.participant, coalesce(e.account, $2::text || n), 'signed_in', $4, 'null'
       from numbers, (values ('s', $5, $7::text), ('d', $6, null)) as e (side, participant, account))
     insert into relais.consents (id, person_id, state, source_id, destination_id, source_link_id, destination_link_id, action, datasets, notice, notice_hash,
       language, created_at, expires_at, status_index)
     select ${id("cst")}, ${id("prs")}, 'requested', c.source_id, c.destination_id, ${id("lnk", "n || 's'")}, ${id("lnk", "n || 'd'")}, c.action, '{}',
       c.notice, c.notice_hash, c.language, $4, c.expires_at, (select max(status_index) from relais.consents) + n
     from numbers, relais.consents c where c.id = $3`,
    [count, name, one.id, decidedAt, engine.source.id, engine.destination.id, sourceAccount],
  );
  const { rows } = await pool.query<{ id: string }>(
    `update relais.consents set state = 'active', decided_at = $1, datasets = $2
     where state = 'requested' and id <> $3 and person_id in (select id from relais.people where subject like $4 || '%') returning id`,
    [decidedAt, datasets, one.id, name],
  );
  return rows.map((row) => row.id).sort();
}

async function linksOf(engine: Pick<Ends, "store" | "personId" | "source" | "destination">) {
  const links = await engine.store.read((r) => r.people.listLinks(engine.personId));
  const at = (participantId: string) => links.find((link) => link.participantId === participantId)!.id;
  return [at(engine.source.id), at(engine.destination.id)] as const;
}
