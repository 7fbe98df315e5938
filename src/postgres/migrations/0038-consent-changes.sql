-- Why a consent ended, where it was not its person or its time: what changed at a participant, or what was decided about it.
alter table consents add column ended_because jsonb;

-- Each consent has a place of its own in the status lists of consents, at random: list index / 131072, place index % 131072. What a list says is
-- computed from the table, so that it turns with it. Twenty tries find a place until a list is about two thirds full; then the next one begins.
alter table consents add column status_index integer check (status_index >= 0);

create function place_in_status_list() returns trigger language plpgsql as $$
declare
  list integer;
begin
  if new.status_index is not null then
    return new;
  end if;
  select coalesce(max(status_index), 0) / 131072 into list from relais.consents;
  for try in 1..40 loop
    if try = 21 then
      list := list + 1;
    end if;
    -- The first digits of a random UUID (RFC 9562, version 4) are random.
    new.status_index := list * 131072 + (('x' || left(gen_random_uuid()::text, 8))::bit(32)::bigint % 131072);
    exit when not exists (select from relais.consents where status_index = new.status_index);
  end loop;
  return new;
end $$;

with slots as (
    select n, row_number() over (order by gen_random_uuid()) as place
    from generate_series(0, (select case when count(*) = 0 then -1 else (1 + count(*) / 65536) * 131072 - 1 end from consents)) n),
  known as (select id, row_number() over (order by id) as place from consents)
update consents c set status_index = slots.n from known join slots using (place) where c.id = known.id;

alter table consents alter column status_index set not null, add constraint consents_status_index unique (status_index);
create trigger consents_status_place before insert on consents for each row execute function place_in_status_list();

-- One row for each state that a consent was ever in, in the order in which they were written. The database writes them itself, so that no change
-- goes without: the receipt, the leaf in the public log and what participants are told are made from these rows afterwards.
create table consent_changes (
  sequence bigint generated always as identity primary key,
  id text not null unique,
  consent_id text not null references consents (id) on delete cascade,
  -- The state before; null where the consent was asked for.
  earlier text,
  state text not null,
  at timestamptz not null,
  by text not null,
  language text not null,
  because jsonb,
  -- The receipt (JWS), its place in the public log and the salt of its hash, once they are made.
  receipt text,
  log_index bigint,
  sealed_at timestamptz,
  -- When the participants' events were written down.
  told_at timestamptz
);
create index consent_changes_of on consent_changes (consent_id, sequence);
create index consent_changes_to_seal on consent_changes (sequence) where sealed_at is null;
create index consent_changes_to_tell on consent_changes (sequence) where told_at is null;
-- What a person did does not wait behind what ended for thousands.
create index consent_changes_own_to_seal on consent_changes (sequence) where sealed_at is null and by = 'person';
create index consent_changes_own_to_tell on consent_changes (sequence) where told_at is null and by = 'person';

-- 22 characters of base62, as every id (core/ids.ts): of a digest over 244 random bits, without what base64 has beside letters and digits.
create function new_change_id() returns text language sql volatile as $$
  select 'chg_' || left(translate(encode(sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), 'base64'), '+/=', ''), 22)
$$;
alter table consent_changes alter column id set default new_change_id();

-- By whom and when a state was reached, as the consent's own row says. What was only asked for needs no receipt, and nobody is told.
create function changes_of_new() returns trigger language plpgsql as $$
begin
  insert into relais.consent_changes (consent_id, earlier, state, at, by, language, sealed_at, told_at)
  select id, null, state, created_at, case when requester_id is null then 'person' else 'client' end, language, created_at, created_at
  from new_rows;
  return null;
end $$;

create function changes_of_moved() returns trigger language plpgsql as $$
begin
  insert into relais.consent_changes (consent_id, earlier, state, at, by, language, because)
  select m.id, b.state, m.state,
    case when m.ended_at is not null then m.ended_at when b.state = 'requested' then m.decided_at else clock_timestamp() end,
    case when m.ended_at is not null then m.ended_by when b.state = 'requested' then 'person' else 'operator' end,
    m.language, m.ended_because
  from new_rows m join old_rows b on b.id = m.id where m.state is distinct from b.state;
  return null;
end $$;

create trigger consents_added after insert on consents referencing new table as new_rows for each statement execute function changes_of_new();
create trigger consents_changed after update on consents referencing old table as old_rows new table as new_rows
  for each statement execute function changes_of_moved();

-- What happened before: the receipts are made like all others, the participants are not told of the past.
insert into consent_changes (consent_id, earlier, state, at, by, language, sealed_at, told_at)
select consent_id, earlier, state, at, by, language, case when state = 'requested' then at end, at from (
  select id as consent_id, null as earlier, 'requested' as state, created_at as at,
    case when requester_id is null then 'person' else 'client' end as by, language from consents
  union all
  select id, 'requested', 'active', decided_at, 'person', language from consents where decided_at is not null and state <> 'refused'
  union all
  select id, case when decided_at is null or state = 'refused' then 'requested' else 'active' end, state, ended_at, coalesce(ended_by, 'relais'), language
  from consents where ended_at is not null) known
order by at;

-- Notices to participants are numbered in the order in which they were written: it is the order in which each of them hears. What somebody waits
-- for goes in lane 0, what thousands are told at once in lane 1, and neither waits for the other. About a consent: whose, by the recipient's own
-- name of the person, and which.
alter table notices
  add column sequence bigint generated always as identity,
  add column lane smallint not null default 0,
  add column consent_id text,
  add column subject text,
  alter column about_id drop not null;
create index notices_waiting on notices (recipient_id, lane, sequence) where acknowledged_at is null and given_up_at is null;
create index notices_of_consent on notices (consent_id) where consent_id is not null;
