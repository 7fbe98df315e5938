-- Restrictions are read in the order of the public log, by whoever watches over them.
create index platform_exclusions_newest on platform_exclusions (log_index desc);
create index platform_access_newest on platform_access (log_index desc) where state <> 'open';
create index holder_reviews_by_pair on holder_reviews (holder_id, platform_id, recorded_at desc);

-- An accredited platform asks a holder to open, and the holder answers with a state of the matrix and a reason.
create table meetings (
  id text primary key,
  holder_id text not null references participants (id),
  platform_id text not null references participants (id),
  message text not null,
  asked_at timestamptz not null,
  answered_at timestamptz,
  state text check (state in ('closed', 'in_discussion', 'test', 'open')),
  reason jsonb,
  check ((answered_at is null) = (state is null))
);
create unique index meetings_one_open on meetings (holder_id, platform_id) where answered_at is null;
create index meetings_by_holder on meetings (holder_id, asked_at desc);
create index meetings_by_platform on meetings (platform_id, asked_at desc);

-- Which certificate a piece of evidence is, and its last day: what holders' conditions may then rely on.
alter table evidence
  add column certificate text,
  add column valid_until text,
  add check ((certificate is null) = (valid_until is null));

-- A certificate that was handed in between two applications, until two accreditors read it.
create table certificate_claims (
  id text primary key,
  platform_id text not null references participants (id),
  certificate text not null,
  issuer text not null,
  date text not null,
  valid_until text not null,
  file_name text not null,
  media_type text not null,
  bytes bigint not null,
  sha256 text not null,
  content bytea not null,
  state text not null check (state in ('handed_in', 'accepted', 'refused', 'taken_back')),
  handed_in_at timestamptz not null,
  decided_at timestamptz
);
create unique index certificate_claims_one_open on certificate_claims (platform_id, certificate) where state = 'handed_in';
create index certificate_claims_waiting on certificate_claims (handed_in_at) where state = 'handed_in';
create index certificate_claims_by_platform on certificate_claims (platform_id, handed_in_at desc);

create table certificate_readings (
  claim_id text not null references certificate_claims (id),
  reader text not null,
  verdict text not null check (verdict in ('accept', 'refuse')),
  reasons jsonb not null,
  at timestamptz not null,
  primary key (claim_id, reader)
);

alter table platform_certificates
  add column issuer text not null default '',
  add column accepted_at timestamptz not null default now(),
  add column log_index bigint;
