-- Organisations answer for participants; applications lead to decisions; decisions are never changed.
create table organisations (
  id text primary key,
  name text not null,
  country text not null,
  status text not null check (status in ('active', 'suspended', 'revoked')),
  created_at timestamptz not null
);

create table organisation_participants (
  participant_id text primary key references participants (id),
  organisation_id text not null references organisations (id)
);
create index organisation_participants_by_organisation on organisation_participants (organisation_id);

-- The standing of a participant moves by the same table of moves as every state machine.
create function refuse_illegal_status() returns trigger language plpgsql as $$
begin
  if new.status is distinct from old.status and not exists (
    select 1 from relais.allowed_moves
    where machine = tg_argv[0] and from_state = old.status and to_state = new.status
  ) then
    raise exception '% may not move from % to %', tg_argv[0], old.status, new.status using errcode = 'RE001';
  end if;
  return new;
end $$;
create trigger participants_status before update on participants for each row execute function refuse_illegal_status('participant');
create trigger organisations_status before update on organisations for each row execute function refuse_illegal_status('organisation');

insert into allowed_moves (machine, from_state, to_state) values
  ('participant', 'registered', 'accredited'), ('participant', 'registered', 'suspended'), ('participant', 'registered', 'revoked'),
  ('participant', 'accredited', 'suspended'), ('participant', 'accredited', 'revoked'), ('participant', 'accredited', 'expired'),
  ('participant', 'accredited', 'registered'),
  ('participant', 'suspended', 'accredited'), ('participant', 'suspended', 'revoked'), ('participant', 'suspended', 'expired'),
  ('participant', 'suspended', 'registered'),
  ('participant', 'expired', 'accredited'), ('participant', 'expired', 'revoked'), ('participant', 'expired', 'suspended'),
  ('participant', 'revoked', 'registered'),
  ('organisation', 'active', 'suspended'), ('organisation', 'active', 'revoked'),
  ('organisation', 'suspended', 'active'), ('organisation', 'suspended', 'revoked'), ('organisation', 'revoked', 'active'),
  ('application', 'draft', 'submitted'), ('application', 'draft', 'withdrawn'),
  ('application', 'submitted', 'checking'), ('application', 'submitted', 'withdrawn'),
  ('application', 'checking', 'accredited'), ('application', 'checking', 'in_review'), ('application', 'checking', 'changes_requested'),
  ('application', 'checking', 'withdrawn'),
  ('application', 'in_review', 'accredited'), ('application', 'in_review', 'changes_requested'), ('application', 'in_review', 'refused'),
  ('application', 'in_review', 'withdrawn'),
  ('application', 'changes_requested', 'submitted'), ('application', 'changes_requested', 'refused'), ('application', 'changes_requested', 'withdrawn'),
  ('application', 'accredited', 'suspended'), ('application', 'accredited', 'revoked'), ('application', 'accredited', 'expired'),
  ('application', 'accredited', 'withdrawn'),
  ('application', 'suspended', 'reinstated'), ('application', 'suspended', 'revoked'), ('application', 'suspended', 'expired'),
  ('application', 'suspended', 'withdrawn'),
  ('application', 'reinstated', 'suspended'), ('application', 'reinstated', 'revoked'), ('application', 'reinstated', 'expired'),
  ('application', 'reinstated', 'withdrawn'),
  ('application', 'refused', 'reopened'), ('application', 'revoked', 'reopened'), ('application', 'expired', 'reopened'),
  ('application', 'withdrawn', 'reopened'),
  ('application', 'reopened', 'submitted'), ('application', 'reopened', 'withdrawn');

create table applications (
  id text primary key,
  participant_id text not null references participants (id),
  organisation_id text not null references organisations (id),
  charter_version text not null,
  level smallint not null check (level in (1, 2)),
  state text not null,
  answers jsonb not null,
  submitted_answers jsonb,
  round integer not null,
  created_at timestamptz not null,
  submitted_at timestamptz,
  changed_at timestamptz not null,
  until timestamptz
);
create index applications_by_participant on applications (participant_id, created_at desc);
create index applications_by_state on applications (state, changed_at);
create unique index applications_one_open on applications (participant_id)
  where state in ('draft', 'submitted', 'checking', 'in_review', 'changes_requested', 'reopened');
create unique index applications_one_given on applications (participant_id) where state in ('accredited', 'suspended', 'reinstated');
create trigger applications_move before update on applications for each row execute function refuse_illegal_move('application');

-- A look at a participant from outside, for an application, on a schedule, or on demand. A lease, so that two workers never run the same one at once.
create table probe_runs (
  id text primary key,
  participant_id text not null references participants (id),
  application_id text references applications (id),
  round integer,
  asked_at timestamptz not null,
  lease_until timestamptz,
  tries integer not null default 0,
  ended_at timestamptz,
  concluded_at timestamptz
);
create index probe_runs_open on probe_runs (asked_at) where ended_at is null;
create index probe_runs_to_conclude on probe_runs (ended_at) where ended_at is not null and concluded_at is null;
create unique index probe_runs_one_open on probe_runs (participant_id) where ended_at is null;

create table probe_results (
  run_id text not null references probe_runs (id) on delete cascade,
  probe text not null,
  outcome text not null check (outcome in ('passed', 'failed', 'not_run')),
  title jsonb not null,
  detail jsonb not null,
  reproduce text not null,
  started_at timestamptz not null,
  milliseconds integer not null,
  primary key (run_id, probe)
);

create table criterion_results (
  application_id text not null references applications (id),
  round integer not null,
  criterion text not null,
  outcome text not null check (outcome in ('met', 'not_met', 'not_shown')),
  because jsonb not null,
  checked_at timestamptz not null,
  -- Until when a criterion that is not met may stay so before it costs the accreditation; null where it does not.
  due_at timestamptz,
  primary key (application_id, round, criterion)
);

create table evidence (
  id text primary key,
  application_id text not null references applications (id),
  kind text not null,
  file_name text not null,
  media_type text not null,
  bytes bigint not null,
  sha256 text not null,
  date text not null,
  issuer text not null,
  added_at timestamptz not null,
  content bytea not null,
  removed_at timestamptz
);
create index evidence_by_application on evidence (application_id) where removed_at is null;

create table reviews (
  application_id text not null references applications (id),
  round integer not null,
  reviewer text not null,
  verdict text not null check (verdict in ('accredit', 'refuse', 'request_changes')),
  without_conflict boolean not null,
  met text[] not null,
  reasons jsonb not null,
  at timestamptz not null,
  primary key (application_id, round, reviewer)
);

-- A sanction or its end that waits for a second accreditor.
create table proposals (
  participant_id text not null references participants (id),
  kind text not null check (kind in ('suspend', 'reinstate', 'revoke', 'reopen')),
  proposer text not null,
  reasons jsonb not null,
  remedy jsonb,
  at timestamptz not null,
  primary key (participant_id, kind)
);

create table decisions (
  id text primary key,
  application_id text references applications (id),
  participant_id text not null references participants (id),
  kind text not null,
  level smallint,
  charter_version text not null,
  charter_digest text not null,
  reasons jsonb not null,
  remedy jsonb,
  appeal jsonb,
  deciders jsonb not null,
  effects jsonb not null,
  decided_at timestamptz not null,
  log_index bigint not null
);
create index decisions_by_participant on decisions (participant_id, decided_at desc);
create index decisions_newest on decisions (decided_at desc, id);
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'a record of this kind never changes' using errcode = 'RE002';
end $$;
create trigger decisions_stay before update or delete on decisions for each row execute function refuse_change();

create table charter_signatures (
  participant_id text not null references participants (id),
  charter_version text not null,
  charter_digest text not null,
  signer text not null,
  signed_at timestamptz not null,
  primary key (participant_id, charter_version, charter_digest)
);

create table application_messages (
  application_id text not null references applications (id),
  sequence integer generated always as identity,
  author text not null check (author in ('participant', 'accreditor')),
  name text not null,
  text text not null,
  at timestamptz not null,
  primary key (application_id, sequence)
);

create table memberships (
  person_id text not null references people (id) on delete cascade,
  participant_id text not null references participants (id),
  added_at timestamptz not null,
  primary key (person_id, participant_id)
);

-- One-time: whoever opens it, signed in, acts for the participant. Only its digest is kept.
create table invitations (
  token_hash text primary key,
  participant_id text not null references participants (id),
  expires_at timestamptz not null,
  used_at timestamptz
);

-- Proof that somebody controls the name of an entity; the value is public.
create table challenges (
  participant_id text primary key references participants (id),
  value text not null,
  asked_at timestamptz not null
);

-- What the authority looked at. Nothing else is written for it.
create table authority_views (
  viewer text not null,
  what text not null,
  at timestamptz not null
);
create index authority_views_newest on authority_views (at desc);
