-- What this installation wrote into the public log of itself. The text of a version never changes afterwards; its dates of transition may.
create table logged_charters (
  version text primary key,
  digest text not null,
  until text,
  valid_until text
);
create table logged_keys (
  kid text not null,
  event text not null check (event in ('introduced', 'revoked')),
  ring text not null,
  logged_at timestamptz not null,
  primary key (kid, event)
);

-- One row for each occasion, for ever: whoever writes it first tells it.
create table reminders (
  id text primary key,
  participant_id text not null references participants (id),
  application_id text not null references applications (id),
  kind text not null check (kind in ('ends_in_60_days', 'ends_in_30_days', 'ends_in_7_days', 'criterion_due', 'changes_waiting', 'review_waiting')),
  -- The criterion, where it is about one.
  subject text not null,
  -- The date that it is about: when something ends or is due, or since when something waits.
  occasion_at timestamptz not null,
  created_at timestamptz not null,
  unique (application_id, kind, subject, occasion_at)
);
create index reminders_by_participant on reminders (participant_id, created_at desc);
create index applications_ending on applications (until) where state in ('accredited', 'suspended', 'reinstated');

-- How far an organisation takes part in giving data back, from when on.
create table participations (
  organisation_id text not null references organisations (id),
  level text not null check (level in ('explorer', 'engaged', 'pioneer')),
  since timestamptz not null,
  primary key (organisation_id, since)
);
create index transfers_verified on transfers (source_id, ended_at) where state = 'verified';
