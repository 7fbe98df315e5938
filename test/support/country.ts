import type pg from "pg";
import type { TestKey } from "./register-fixtures.ts";

/** A register as large as a country's: what is in it follows from the number of each participant. */
export interface Country {
  count: number;
  /** The address that marks and configurations name. */
  issuer: string;
  /** Keys of every participant. */
  key: TestKey;
  /** So many of them, the first ones, have a configuration here to be resolved. */
  configured: number;
}

/** An id of the right form, the same in each run. */
export const idOf = (prefix: string, n: number): string => `${prefix}_${String(n).padStart(22, "0")}`;
export const entityOf = (n: number): string => `https://p${n}.example`;

/** As the statements below say, for checks: in order, the first that fits. */
export function standingOf(n: number): "suspended" | "revoked" | "registered" | "expired" | "accredited" {
  if (n % 100 === 0) return "suspended";
  if (n % 100 === 1) return "revoked";
  if (n % 10 === 2) return "registered";
  if (n % 10 === 3) return "expired";
  return "accredited";
}
export const roleOf = (n: number): "platform" | "holder" | "service" => (n % 4 === 0 ? "platform" : n % 4 === 1 ? "service" : "holder");

/** Organisations, participants, marks in force and past, decisions, configurations: by sets, some seconds for 10 000. */
export async function fillCountry(pool: pg.Pool, { count, issuer, key, configured }: Country): Promise<void> {
  await pool.query(PARTICIPANTS, [JSON.stringify([key.publicJwk]), count]);
  await pool.query(MARKS, [`${issuer}/charter/2026-11`, count]);
  await pool.query(DECISIONS, [count]);
  await addConfigurations(pool, { issuer, key, configured });
  // As autovacuum leaves it.
  await pool.query("vacuum analyze participants, trust_marks, decisions, entity_configurations");
}

const ID = (prefix: string) => `'${prefix}_' || lpad(n::text, 22, '0')`;
const NAMES = "(array['Énergie du Nord', 'Mutuelle Ouest', 'Banque Éloïse', 'Ville de Brest', 'Nuage', 'Abri', 'Télécom Sud'])";

/** 2 in 100 under a sanction; of the rest 1 in 10 registered, 1 in 10 accredited by a mark whose time is over. Every second one is a holder. */
const PARTICIPANTS = `
  insert into participants (id, entity_id, name, roles, adapter, endpoints, keys, federation_keys, datasets, about, client, status)
  select ${ID("prt")}, 'https://p' || n || '.example', ${NAMES}[1 + n % 7] || ' ' || n,
    array[case n % 4 when 0 then 'platform' when 1 then 'service' else 'holder' end], 'self-data', '{}', $1, $1,
    case when n % 4 in (2, 3) then (
      select jsonb_agg(jsonb_build_object('id', set || '.s' || n % 50, 'kind', kind, 'title', words, 'description', words, 'example', words,
        'mediaTypes', '["application/json"]'::jsonb, 'updateFrequency', 'P1D'))
      from (values ('energy.bills', 'administrative'), ('energy.daily', 'transactional'), ('energy.load', 'trace')) sets (set, kind),
        jsonb_build_object('fr', 'Jeu de données ' || set || ', tel qu’un organisme le décrit', 'en', 'Data set ' || set || ' as a holder describes it') words)
      else '[]' end,
    jsonb_build_object('country', (array['FR', 'DE', 'IE', 'BE', 'US'])[1 + n % 5], 'privacyContact', 'dpo@p' || n || '.example'), null,
    case when n % 100 = 0 then 'suspended' when n % 100 = 1 then 'revoked' when n % 10 = 2 then 'registered' else 'accredited' end
  from generate_series(1, $2::int) n`;

/** Each had a mark of last year, and has one of this year, unless it is only registered. */
const MARKS = `
  insert into trust_marks (id, participant_id, type, level, jwt, issued_at, expires_at, revoked_at, status_index)
  select 'tmk_' || lpad((n * 2 + year)::text, 22, '0'), ${ID("prt")}, $1, 1 + n % 2, repeat('x', 900),
    now() - (2 - year) * interval '360 days', case when n % 10 = 3 then now() - interval '1 minute' else now() + year * interval '1 year' end,
    case when year = 0 or n % 100 < 2 then now() - interval '1 day' end, n * 2 + year
  from generate_series(1, $2::int) n, generate_series(0, 1) year where n % 10 <> 2`;

const DECISIONS = `
  insert into decisions (id, application_id, participant_id, kind, level, charter_version, charter_digest, reasons, remedy, appeal, deciders, effects, decided_at, log_index)
  select 'dec_' || lpad((n * 2 + year)::text, 22, '0'), null, ${ID("prt")}, case year when 0 then 'accredit' else 'renew' end, 1, '2026-11', 'digest',
    jsonb_build_object('fr', 'Tous les contrôles ont réussi.', 'en', 'Every check passed.'), null, null,
    '[{"name": "relais", "role": "automatic"}]', '{"paused": 0, "resumed": 0, "cascaded": 0}', now() - (2 - year) * interval '360 days' + n * interval '1 second', n * 2 + year
  from generate_series(1, $1::int) n, generate_series(0, 1) year where n % 10 <> 2`;

async function addConfigurations(pool: pg.Pool, { issuer, key, configured }: Omit<Country, "count">): Promise<void> {
  const iat = Math.floor(Date.now() / 1000);
  const life = { iat, exp: iat + 7200, jwks: { keys: [key.publicJwk] }, authority_hints: [issuer], metadata: { self_data_platform: {} } };
  const numbers = Array.from({ length: configured }, (_, place) => place + 1);
  const jwts = await Promise.all(numbers.map((n) => key.sign("entity-statement+jwt", { iss: entityOf(n), sub: entityOf(n), ...life })));
  await pool.query(
    `insert into entity_configurations (participant_id, jwt, expires_at, next_at, outcome)
     select id, jwt, to_timestamp($3), now() + interval '1 hour', 'accepted' from unnest($1::text[], $2::text[]) one (id, jwt)`,
    [numbers.map((n) => idOf("prt", n)), jwts, iat + 7200],
  );
}
