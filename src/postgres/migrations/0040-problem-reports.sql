-- What a person says is wrong with a permission, and what was answered. It goes with the permission.
create table problem_reports (
  id text primary key,
  consent_id text not null references consents (id) on delete cascade,
  kind text not null,
  addressee text not null check (addressee in ('source', 'destination', 'operator')),
  message text not null,
  created_at timestamptz not null,
  answer text,
  answered_at timestamptz,
  answered_by text,
  check ((answer is null) = (answered_at is null))
);
create index problem_reports_by_consent on problem_reports (consent_id, created_at desc);
create index problem_reports_open on problem_reports (created_at) where answered_at is null;

-- What a participant asked for, newest first.
create index consents_by_requester on consents (requester_id, created_at desc, id) where requester_id is not null;
