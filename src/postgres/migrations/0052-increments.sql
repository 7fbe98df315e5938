-- Where each data set of a recurring permission stands: from there its source is asked for what is new. Written with the end of the delivery that proved it.
create table delivery_positions (
  consent_id text not null references consents (id) on delete cascade,
  dataset text not null,
  -- A place that the source named, or a time.
  kind text not null check (kind in ('position', 'since')),
  value text not null,
  -- When the source began to list what that delivery brought.
  at timestamptz not null,
  transfer_id text not null references transfers (id) on delete cascade,
  primary key (consent_id, dataset)
);

-- The same while the delivery is not proved: written with its manifest.
create table transfer_positions (
  transfer_id text not null references transfers (id) on delete cascade,
  dataset text not null,
  kind text not null check (kind in ('position', 'since')),
  value text not null,
  at timestamptz not null,
  primary key (transfer_id, dataset)
);

-- What a source said is no more, and what the destination did with its copy.
create table transfer_deletions (
  transfer_id text not null references transfers (id) on delete cascade,
  dataset text collate "C" not null,
  key text collate "C" not null,
  outcome text not null check (outcome in ('removed', 'kept')),
  primary key (transfer_id, dataset, key)
);

-- What a delivery left behind is asked for again: found without reading what arrived.
create index transfer_items_omitted on transfer_items (transfer_id, dataset) where state = 'omitted';

-- Whoever ends a delivery: its positions count from the same statement on.
create function positions_follow() returns trigger language plpgsql as $$
begin
  insert into relais.delivery_positions (consent_id, dataset, kind, value, at, transfer_id)
  select new.consent_id, p.dataset, p.kind, p.value, p.at, new.id from relais.transfer_positions p where p.transfer_id = new.id
  on conflict (consent_id, dataset) do update
  set kind = excluded.kind, value = excluded.value, at = excluded.at, transfer_id = excluded.transfer_id;
  return null;
end $$;
create trigger transfers_positions after update on transfers for each row
  when (new.state in ('verified', 'partial') and old.state is distinct from new.state) execute function positions_follow();
