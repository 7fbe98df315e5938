-- When each kind of record was last looked through for what is past its time (src/core/operation/retention.ts).
create table retention_rounds (
  kind text primary key,
  began_at timestamptz not null,
  looked_at timestamptz not null,
  -- When nothing of it was left that is past its time.
  done_at timestamptz,
  -- Past its time, and still there after the last look; counted to 10 000.
  left_over integer not null,
  removed bigint not null,
  -- Of names of items: of what ended up to here none is left.
  reached_at timestamptz,
  reached_id text
);

-- What the rows of items said, once they are gone: how many, and nobody's names.
create table transfer_item_counts (
  transfer_id text not null references transfers (id) on delete cascade,
  dataset text collate "C" not null,
  items integer not null,
  sent integer not null,
  stored integer not null,
  verified integer not null,
  omitted integer not null,
  bytes bigint not null,
  primary key (transfer_id, dataset)
);

-- Places in the status lists of consents whose rows are gone. They stay invalid, and nobody is given them: a receipt outside of Relais refers to its
-- place for ever.
create table ended_places (status_index integer primary key);
create function keep_ended_places() returns trigger language plpgsql as $$
begin
  insert into relais.ended_places select status_index from old_rows on conflict do nothing;
  return null;
end $$;
create trigger consents_ended_places after delete on consents referencing old table as old_rows for each statement execute function keep_ended_places();

create or replace function place_in_status_list() returns trigger language plpgsql as $$
declare
  list integer;
begin
  if new.status_index is not null then
    return new;
  end if;
  select greatest((select coalesce(max(status_index), 0) from relais.consents), (select coalesce(max(status_index), 0) from relais.ended_places)) / 131072 into list;
  for try in 1..40 loop
    if try = 21 then
      list := list + 1;
    end if;
    new.status_index := list * 131072 + (('x' || left(gen_random_uuid()::text, 8))::bit(32)::bigint % 131072);
    exit when not exists (select from relais.consents where status_index = new.status_index)
      and not exists (select from relais.ended_places where status_index = new.status_index);
  end loop;
  return new;
end $$;

alter table transfer_keys add column created_at timestamptz not null default now();

-- What is past its time is found without reading the rest.
create index transfer_keys_by_age on transfer_keys (created_at);
create index sessions_by_end on sessions (expires_at);
create index mail_links_by_end on mail_links (expires_at);
create index mails_by_end on mails (ended_at) where ended_at is not null;
create index mail_attempts_by_age on mail_attempts (at);
create index notices_by_end on notices (coalesce(acknowledged_at, given_up_at)) where consent_id is null;
create index person_notices_by_reading on person_notices (read_at) where read_at is not null;
create index person_accesses_by_age on person_accesses (at);
create index transfers_by_end on transfers (ended_at, id) where ended_at is not null;
create index consents_by_end on consents (ended_at) where ended_at is not null;
create index mailbox_deliveries_by_end on mailbox_deliveries (closed_at) where closed_at is not null;
-- What refers to what goes is looked for at each.
create index transfers_by_switch on transfers (switch_id) where switch_id is not null;
create index switches_by_consent on switches (consent_id) where consent_id is not null;
create index consents_by_switch on consents (switch_id) where switch_id is not null;
create index consents_by_source_link on consents (source_link_id);
create index consents_by_destination_link on consents (destination_link_id);
