create table switches (
  id text primary key,
  person_id text not null references people (id),
  source_id text not null references participants (id),
  destination_id text not null references participants (id),
  source_link_id text not null references account_links (id),
  destination_link_id text not null references account_links (id),
  state text not null,
  consent_id text references consents (id),
  transfer_id text,
  epoch integer not null,
  created_at timestamptz not null,
  verified_at timestamptz,
  closed_at timestamptz
);
create index switches_by_person on switches (person_id, created_at desc);
create trigger switches_move before update on switches for each row execute function refuse_illegal_move('switch');

create table transfers (
  id text primary key,
  consent_id text not null references consents (id),
  person_id text not null references people (id),
  source_id text not null references participants (id),
  destination_id text not null references participants (id),
  switch_id text references switches (id),
  datasets text[] not null,
  state text not null,
  reason text,
  actor text,
  epoch integer not null,
  attempts integer not null,
  lease_until timestamptz,
  due_at timestamptz not null,
  expires_at timestamptz not null,
  created_at timestamptz not null,
  ended_at timestamptz
);
create index transfers_by_person on transfers (person_id, created_at desc);
create index transfers_by_consent on transfers (consent_id);
-- The sweep looks for work that is due and that nobody holds; ended transfers are not in this index.
create index transfers_due on transfers (due_at) where state in ('scheduled', 'queued', 'fetching', 'delivering', 'delivered', 'received');
create trigger transfers_move before update on transfers for each row execute function refuse_illegal_move('transfer');

create table transfer_keys (
  caller text not null,
  key text not null,
  fingerprint text not null,
  transfer_id text not null,
  primary key (caller, key)
);

create table transfer_events (
  transfer_id text not null references transfers (id) on delete cascade,
  sequence integer not null,
  at timestamptz not null,
  kind text not null,
  actor text not null,
  details jsonb not null,
  primary key (transfer_id, sequence)
);

create table transfer_expected (
  transfer_id text not null references transfers (id) on delete cascade,
  dataset text not null,
  items integer not null,
  bytes bigint not null,
  primary key (transfer_id, dataset)
);

create table transfer_items (
  transfer_id text not null references transfers (id) on delete cascade,
  dataset text collate "C" not null,
  key text collate "C" not null,
  media_type text not null,
  bytes bigint,
  sha256 text,
  state text not null check (state in ('listed', 'sent', 'stored', 'omitted')),
  reason text,
  primary key (transfer_id, dataset, key)
);

create table transfer_documents (
  id text primary key,
  transfer_id text not null references transfers (id) on delete cascade,
  kind text not null check (kind in ('manifest', 'receipt')),
  jws text not null,
  created_at timestamptz not null,
  unique (transfer_id, kind)
);
