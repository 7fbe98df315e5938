-- What holders ask of platforms beside the charter. The present state; every change also has its entry in the public log.
create table holder_conditions (
  holder_id text not null references participants (id),
  dataset text not null,
  minimum_level smallint not null check (minimum_level between 0 and 2),
  regions text[] not null,
  certificates text[] not null,
  reason jsonb,
  changed_at timestamptz not null,
  log_index bigint not null,
  primary key (holder_id, dataset)
);

create table platform_exclusions (
  holder_id text not null references participants (id),
  platform_id text not null references participants (id),
  dataset text not null,
  reason jsonb not null,
  changed_at timestamptz not null,
  log_index bigint not null,
  primary key (holder_id, platform_id, dataset)
);
create index platform_exclusions_by_platform on platform_exclusions (platform_id);

-- The matrix holder × platform. No row: open, as for every accredited platform.
create table platform_access (
  holder_id text not null references participants (id),
  platform_id text not null references participants (id),
  state text not null check (state in ('closed', 'in_discussion', 'test', 'open')),
  reason jsonb check (reason is not null or state = 'open'),
  test_accounts text[] not null,
  changed_at timestamptz not null,
  log_index bigint not null,
  primary key (holder_id, platform_id)
);
create index platform_access_by_platform on platform_access (platform_id);

create table holder_reviews (
  id text primary key,
  holder_id text not null references participants (id),
  platform_id text not null references participants (id),
  date text not null,
  questions text[] not null,
  decision text not null check (decision in ('accepted', 'accepted_with_conditions', 'postponed', 'refused')),
  conditions text[] not null,
  by text not null,
  recorded_at timestamptz not null
);
create index holder_reviews_by_holder on holder_reviews (holder_id, recorded_at desc);

create table platform_certificates (
  platform_id text not null references participants (id),
  certificate text not null,
  valid_until text not null,
  primary key (platform_id, certificate)
);

-- Transfers that wait for a condition to be met are looked at again, from the table.
create index transfers_paused on transfers (reason, id) where state = 'paused';
